/** A store whose keys are laid out for another version of wsgate is not used. */

import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkOf, leaseIn, newStream } from '../../lab/fleet/messages.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { LAYOUT } from '../../src/store/redis/layout.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

const KEY = '{ws:gates}:layout';
const ERROR = 50;

let redis: RedisServer;
let gates: TestApp[];
beforeEach(async () => {
  [redis, gates] = [await startRedis(), []];
});
afterEach(async () => {
  await Promise.all(gates.map((gate) => gate.stop()));
  await redis.stop();
});

async function start(env: Record<string, string> = {}): Promise<TestApp> {
  const gate = await startTestApp({ REDIS_URL: redis.url, ...env });
  gates.push(gate);
  return gate;
}

it('a gate notes its layout in a store that has none, also in one that a version without it has left', async () => {
  await redis.client.zadd('ws:gates', 1, 'gate-of-before');
  const gate = await start();
  await expect.poll(gate.store).toBe('ok');
  expect(await redis.client.hgetall(KEY)).toEqual({ layout: String(LAYOUT) });
});

it('a gate that meets a newer layout admits nobody there, says what to do, and leaves the store as it is', async () => {
  await redis.client.hset(KEY, 'layout', LAYOUT + 1);
  const gate = await start({ WSGATE_HUB_ENABLED: 'false' });
  const expected = `its leases have layout ${LAYOUT + 1}, and this version of wsgate has layout ${LAYOUT}: run the version`;
  await expect.poll(gate.store).toContain(expected);
  await expect
    .poll(() => gate.logLines.filter(({ level }) => level === ERROR))
    .toMatchObject([{ detail: expect.stringContaining(expected), msg: expect.stringContaining('does not answer') }]);
  const answer = await gate.check(checkOf(newStream(), 'pod1'));
  expect(answer).toMatchObject({ deniedResponse: { body: expect.stringContaining('STORE_UNAVAILABLE') } });
  expect(await redis.client.keys('*')).toEqual([KEY]);
});

it('a gate with another prefix is not concerned, and the one that was refused goes on when the layout is its own', async () => {
  await redis.client.hset(KEY, 'layout', LAYOUT + 1);
  const [refused, other] = [await start(), await start({ WSGATE_STORE_PREFIX: 'other:' })];
  await expect.poll(other.store).toBe('ok');
  leaseIn(await other.check(checkOf(newStream(), 'pod1')));
  await expect.poll(refused.store).toContain('layout');
  await redis.client.del(KEY);
  await expect.poll(refused.store).toBe('ok');
});
