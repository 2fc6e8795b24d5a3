/** Overrides and a Redis that loses them. */

import { afterEach, expect, it } from 'vitest';
import { admitted, isAdmitted, Operated } from '../../support/operated.ts';

const fleet = new Operated();
afterEach(() => fleet.stop());

const LIMIT = { WSGATE_LIMITS_DEFAULT_CONNECTIONS: '3' };

it('limits come back from the gates when Redis comes back empty, but for those that were taken back', async () => {
  const env = await fleet.onRedis();
  const [first, second] = [await fleet.start({ ...env, ...LIMIT }), await fleet.start({ ...env, ...LIMIT })];
  await first.ops.setLimit('pod1', { connections: 1, reason: 'it leaks' });
  await first.ops.setLimit('pod2', { connections: 1 });
  await first.ops.deleteLimit('pod2');
  await expect.poll(async () => (await second.ops.overrides()).overrides.length).toBe(1);
  const before = await second.ops.overrides();
  await fleet.redis?.client.flushall();
  await expect.poll(async () => await fleet.redis?.client.hget('{ws:pod_conn:pod1}:override', 'limit')).toBe('1');
  await expect.poll(() => second.store()).toBe('ok');
  expect([await admitted(second, 3), await admitted(first, 3, 'pod2')]).toEqual([1, 3]);
  const third = await fleet.start({ ...env, ...LIMIT });
  await expect.poll(() => third.ops.overrides()).toEqual(before);
});

it('a cordon and a limit hold while Redis is away, and after it is back', async () => {
  const env = { ...(await fleet.onRedis()), WSGATE_STORE_DEADLINE: '200ms', WSGATE_LEASE_TTL: '10s' };
  const gate = await fleet.start({ ...env, ...LIMIT });
  await gate.ops.cordon('pod1');
  await gate.ops.setLimit('pod2', { connections: 1 });
  await expect.poll(() => isAdmitted(gate, 'pod3')).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 3000)); // all pods have been counted: the share is known
  fleet.redis?.signal('SIGSTOP');
  await expect.poll(() => gate.store(), { timeout: 10_000 }).not.toBe('ok');
  expect(await Promise.all(['pod1', 'pod2', 'pod3'].map((pod) => admitted(gate, 5, pod)))).toEqual([0, 1, 2]);
  fleet.redis?.signal('SIGCONT');
  await expect.poll(() => gate.store(), { timeout: 20_000 }).toBe('ok');
  expect(await admitted(gate, 3)).toBe(0);
}, 60_000);
