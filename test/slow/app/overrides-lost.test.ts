/** Overrides and a Redis that loses them. */

import { afterEach, expect, it } from 'vitest';
import { admitted, Operated } from '../../support/operated.ts';

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
