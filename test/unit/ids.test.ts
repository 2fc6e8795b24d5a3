import { describe, expect, it } from 'vitest';
import { holderOf, leaseId, parseLeaseId, parsePodId, proxyOf, streamIdentity } from '../../src/admission/ids.ts';
import { proxyId } from '../support/names.ts';

const START_NS = 1_763_696_781_123_456_789n;

describe('a pod id', () => {
  it.each(['pod1', 'a', 'ns.pod-1_x:8080', 'x'.repeat(253)])('may be %s', (text) => {
    expect(parsePodId(text)).toBe(text);
  });
  it.each(['', 'a b', 'a{b}', 'a\nb', 'pod1\n', 'ä', 'a/b', 'x'.repeat(254)])('may not be %j', (text) => {
    expect(parsePodId(text)).toBeUndefined();
  });
});

describe('a lease id', () => {
  it('is the same for the same stream, and another for any other', () => {
    const proxy = proxyId('proxy_a');
    const lease = leaseId(proxy, streamIdentity(START_NS, '10.0.0.1:1234'));
    expect(leaseId(proxy, streamIdentity(START_NS, '10.0.0.1:1234'))).toBe(lease);
    expect(leaseId(proxy, streamIdentity(START_NS + 1n, '10.0.0.1:1234'))).not.toBe(lease);
    expect(leaseId(proxy, streamIdentity(START_NS, '10.0.0.1:1235'))).not.toBe(lease);
  });

  it.each([
    ['an IPv4 address', '10.0.0.1:1234'],
    ['an IPv6 address', '2001:db8::1:443'],
    ['an IPv6 address with a zone', 'fe80::1%eth_0:443'],
    ['a unix socket', 'pipe:/run/envoy_client.sock'],
  ])('leads back to its proxy and its start, with %s', (_what, address) => {
    const lease = leaseId(proxyId('proxy_a_1'), streamIdentity(START_NS, address));
    expect(parseLeaseId(lease)).toBe(lease);
    expect(proxyOf(lease)).toBe('proxy_a_1');
    expect(holderOf(lease).sinceMs).toBe(1_763_696_781_123);
  });

  it.each(['router~10.1.2.3~gw_1.default~default.svc.cluster.local', 'spiffe://example.org/ns/edge/sa/envoy'])(
    'leads back to the proxy %s',
    (proxy) => {
      const lease = leaseId(proxyId(proxy), streamIdentity(START_NS, '10.0.0.1:1234'));
      expect(parseLeaseId(lease)).toBe(lease);
      expect(proxyOf(lease)).toBe(proxy);
    },
  );

  it('tells the address of its holder', () => {
    expect(holderOf(leaseId(proxyId('a'), streamIdentity(START_NS, '10.0.0.1:1234'))).address).toBe('10.0.0.1:1234');
  });

  it.each(['', 'no-proxy', '_x', 'proxy_', 'pro xy_1-a', `${'p'.repeat(254)}_1-a`, 'proxy_1\n'])(
    'may not be %j',
    (text) => {
      expect(parseLeaseId(text)).toBeUndefined();
    },
  );

  it('that somebody made up does not tell a start that is no time', () => {
    const lease = parseLeaseId('proxy_!'.replace('!', '-'));
    expect(lease && holderOf(lease).sinceMs).toBeUndefined();
  });
});
