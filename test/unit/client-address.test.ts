import { expect, it } from 'vitest';
import { parseLeaseId } from '../../src/admission/ids.ts';
import { clientBeside, endpointOf } from '../../src/envoy/client-address.ts';

const shownOf = (text: string, lease = 'proxy_a_d2k1-10.0.0.1:1234') => {
  const id = parseLeaseId(lease);
  if (!id) throw new Error(`${lease} is no lease`);
  return clientBeside(id, endpointOf(text));
};

it.each([
  ['203.0.113.7:0', '203.0.113.7'],
  ['203.0.113.7:443', '203.0.113.7:443'],
  ['[2001:db8::1]:0', '2001:db8::1'],
  ['[2001:db8::1]:443', '[2001:db8::1]:443'],
  ['10.0.0.1:1235', '10.0.0.1:1235'],
  ['10.0.0.1:1234', undefined],
  ['envoy://inner/pods', undefined],
  ['<script>:0', undefined],
  ['host.example:0', undefined],
  [`${'1'.repeat(1000)}:0`, undefined],
  ['', undefined],
])('%s is shown as %s', (text, shown) => {
  expect(shownOf(text)).toBe(shown);
});

it('the peer is told apart from other clients with IPv6, too', () => {
  expect(shownOf('[2001:db8::1]:443', 'proxy_a_d2k1-2001:db8::1:443')).toBeUndefined();
  expect(shownOf('[2001:db8::1]:444', 'proxy_a_d2k1-2001:db8::1:443')).toBe('[2001:db8::1]:444');
});
