import { expect, it } from 'vitest';
import { RecentlyEnded } from '../../src/admission/ledger/recently-ended.ts';
import { leasesOf, newLease, pod1, proxyA } from '../support/names.ts';

it('remembers a lease for the time it is told, and not much longer', () => {
  const ended = new RecentlyEnded(1000, 10);
  const lease = newLease(proxyA);
  ended.add(pod1, lease, 5000);
  ended.add(pod1, newLease(proxyA), 6000);
  expect(ended.has(lease)).toBe(true);
  ended.add(pod1, newLease(proxyA), 7001);
  expect(ended.has(lease)).toBe(true);
  ended.add(pod1, newLease(proxyA), 9000);
  expect(ended.has(lease)).toBe(false);
});

it('forgets the oldest when there are too many', () => {
  const ended = new RecentlyEnded(1000, 10);
  const leases = leasesOf(proxyA, 100);
  for (const lease of leases) ended.add(pod1, lease, 5000);
  const remembered = leases.filter((lease) => ended.has(lease));
  expect(remembered).toEqual(leases.slice(-remembered.length));
  expect(remembered.length).toBeGreaterThanOrEqual(10);
  expect(remembered.length).toBeLessThanOrEqual(20);
});
