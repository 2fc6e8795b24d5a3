import { describe, expect, it } from 'vitest';
import { identityOf, identityOfTexts, startIn } from '../../src/envoy/stream-identity.ts';

const time = { seconds: '1763696781', nanos: 123_456_000 };
const START = '1763696781.123456000';
const inner = { envoyInternalAddress: { serverListenerName: 'inner', endpointId: 'pods' } };
const socket = { socketAddress: { address: '10.0.0.1', portValue: 1234 } };

describe('a stream has one name, whether messages or texts tell of it:', () => {
  it.each([
    ['from an IPv4 address', socket, '10.0.0.1:1234'],
    ['from an IPv6 address', { socketAddress: { address: '2001:db8::1', portValue: 443 } }, '[2001:db8::1]:443'],
    ['from a unix socket', { pipe: { path: '/run/client.sock' } }, '/run/client.sock'],
    ['from an internal listener', inner, 'envoy://inner/pods'],
  ])('%s', (_from, address, peer) => {
    const identity = identityOf(time, address);
    expect(identityOfTexts(START, peer)).toBe(identity);
    expect(identity?.startsWith(`${startIn(time)}-`)).toBe(true);
  });
});

describe('Checks of one start, from an internal listener, where all have one address,', () => {
  it('are of one stream if they have the same number, and of two if not', () => {
    const first = identityOf(time, inner, '8101739226173829111');
    expect(identityOf(time, inner, '8101739226173829111')).toBe(first);
    expect(identityOf(time, inner, '8101739226173829112')).not.toBe(first);
  });

  it('are told apart by their numbers even if the address is a long one', () => {
    const long = { envoyInternalAddress: { serverListenerName: 'x'.repeat(300) } };
    expect(identityOf(time, long, '1')).not.toBe(identityOf(time, long, '2'));
  });
});

it.each(['envoy://inner/pods', '/run/client.sock', '203.0.113.7:0'])(
  'streams of one start and the shared address %s are told apart by their numbers',
  (peer) => {
    expect(identityOfTexts(START, peer, '1')).not.toBe(identityOfTexts(START, peer, '2'));
    expect(identityOfTexts(START, '203.0.113.7:1', '1')).toBe(identityOfTexts(START, '203.0.113.7:1', '2'));
  },
);

it('the number of a Check changes nothing where the address has a port: the log shows no number', () => {
  expect(identityOf(time, socket, '1')).toBe(identityOf(time, socket));
});

it('a stream without a start or an address has no name', () => {
  expect(identityOf(undefined, socket)).toBeUndefined();
  expect(identityOf(time, {})).toBeUndefined();
  expect(identityOfTexts('-', '10.0.0.1:1234')).toBeUndefined();
  expect(identityOfTexts(START, '')).toBeUndefined();
});
