/** A thousand users of a service that keeps each at one pod, and a pod that is added. */

import { afterEach, expect, it } from 'vitest';
import { checkOfService, newStream } from '../../../lab/fleet/messages.ts';
import { type RedisServer, startRedis } from '../../../lab/redis/server.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';

let gates: TestApp[] = [];
let redis: RedisServer | undefined;
afterEach(async () => {
  await Promise.all(gates.map((each) => each.stop()));
  await redis?.stop();
  redis = undefined;
  gates = [];
});

const PODS = Array.from({ length: 11 }, (_, i) => `10.0.0.${i + 1}:8080`);
const USERS = Array.from({ length: 1000 }, (_, i) => `user-${i}`);
const servicesOf = (pods: readonly string[], connections: number) =>
  JSON.stringify({ chat: { endpoints: { static: pods }, connections, sticky: 'header:x-user' } });

async function start(pods: readonly string[], connections: number): Promise<TestApp> {
  const onRedis = redis ? { WSGATE_STORE_URL: redis.url, WSGATE_STORE_DEADLINE: '4s' } : {};
  const gate = await startTestApp({ WSGATE_SERVICES: servicesOf(pods, connections), ...onRedis });
  gates.push(gate);
  await expect.poll(() => gate.store()).toBe('ok');
  return gate;
}

/** The pod that each is sent to; by this gate, or by several in turns. */
function podsOfAll(...asked: TestApp[]): Promise<(string | undefined)[]> {
  return Promise.all(
    USERS.map(async (user, i) => {
      const answer = await asked[i % asked.length]?.check(checkOfService(newStream(), 'chat', { 'x-user': user }));
      if (!answer || !('okResponse' in answer)) return undefined;
      return answer.dynamicMetadata?.fields?.['x-gateway-destination-endpoint']?.stringValue;
    }),
  );
}

it.each(['embedded', 'redis'])(
  'on the %s store a pod that is added takes its part of the users, and no other moves',
  async (store) => {
    redis = store === 'redis' ? await startRedis() : undefined;
    const gate = await start(PODS.slice(0, 10), 10_000);
    const before = await podsOfAll(gate);
    expect(await podsOfAll(gate)).toEqual(before);
    const loaded = loadConfig({ env: { WSGATE_SERVICES: servicesOf(PODS, 10_000) } });
    if (loaded.ok) gate.app.reconfigure(loaded.config);
    const told = async () => (redis ? redis.client.zcard('{ws:service:chat}:room') : PODS.length);
    await expect.poll(told).toBe(PODS.length);
    const after = await podsOfAll(gate);
    const moved = after.filter((pod, i) => pod !== before[i]);
    expect(moved.length).toBeGreaterThan(0);
    expect(moved.length).toBeLessThanOrEqual((1.3 / PODS.length) * USERS.length);
    expect(new Set(moved)).toEqual(new Set(PODS.slice(10)));
  },
);

it('by two gates none is sent to a pod that is full, and each user has one pod as far as there is room', async () => {
  redis = await startRedis();
  const both = [await start(PODS, 100), await start(PODS, 100)];
  const first = await podsOfAll(...both);
  expect(first).not.toContain(undefined);
  const counts = Object.values(Object.groupBy(first, (pod) => pod ?? '')).map((some = []) => some.length);
  expect(Math.max(...counts)).toBeLessThanOrEqual(100);
  const more = await podsOfAll(...both);
  expect(more.filter((pod) => pod !== undefined)).toHaveLength(PODS.length * 100 - USERS.length);
});
