import { expect, it } from 'vitest';
import { Quota } from '../../src/net/quota.ts';

function full(address: string): Quota {
  const quota = new Quota('x', { max: 10, perAddressMax: 1 });
  expect(quota.take(address)).toBeUndefined();
  return quota;
}

it.each([
  ['an address', '192.0.2.1', '192.0.2.1'],
  ['one address in both its forms', '192.0.2.1', '::ffff:192.0.2.1'],
  ['the addresses of one /64', '2001:db8:1:2::1', '2001:db8:1:2:3:4:5:6'],
  ['the addresses of one /64 with zeros in it', '2001:db8::1', '2001:db8:0:0:ffff::2'],
  ['the same at its other end', '::1', '::1:2:3:4'],
  ['link-local ones', 'fe80::1%eth0', 'fe80::2%eth0'],
])('%s shares one quota, until it is given back', (_what, one, other) => {
  const quota = full(one);
  expect(quota.take(other)).toBe('xPerAddressMax');
  quota.give(other);
  expect(quota.take(one)).toBeUndefined();
});

it.each([
  ['IPv4 addresses', '192.0.2.1', '192.0.2.2'],
  ['IPv4 addresses on a socket for both', '::ffff:192.0.2.1', '::ffff:192.0.2.2'],
  ['/64 networks', '2001:db8:1:2::1', '2001:db8:1:3::1'],
  ['/64 networks with zeros in them', '2001:db8::1', '2001:db8:0:1::1'],
])('%s that differ have quotas of their own', (_what, one, other) => {
  expect(full(one).take(other)).toBeUndefined();
});

it('a unix socket is bounded only by the maximum in all', () => {
  const quota = new Quota('x', { max: 2, perAddressMax: 1 });
  expect([quota.take(undefined), quota.take(undefined), quota.take(undefined)]).toEqual([undefined, undefined, 'xMax']);
});
