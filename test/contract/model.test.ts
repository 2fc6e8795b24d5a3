/** Each store beside the model of the contract: a memory of this process, and a Redis that three gates share. */

import { afterAll, beforeAll, it } from 'vitest';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { openStore } from '../../lab/redis/store.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { RedisStore } from '../../src/store/redis/store.ts';
import { assertHolds } from '../support/property.ts';
import { keepsToTheModel } from './lease-property.ts';
import type { Subject } from './lease-steps.ts';
import { placesByRoom } from './placing-property.ts';

const RUNS = { memory: 100, redis: 40 };
/** A failure takes its time to become short. */
const TIMEOUT_MS = 120_000;

it(
  'the embedded store keeps to the model, whatever steps are taken',
  async () => {
    await assertHolds(keepsToTheModel(openMemory), RUNS.memory);
  },
  TIMEOUT_MS,
);

it(
  'the embedded store places by room, whatever steps are taken',
  async () => {
    await assertHolds(
      placesByRoom(async () => new MemoryStore(Date.now)),
      RUNS.memory,
    );
  },
  TIMEOUT_MS,
);

async function openMemory(): Promise<Subject> {
  let nowMs = 1_800_000_000_000;
  let store = new MemoryStore(() => nowMs);
  return {
    get gates() {
      return [store, store, store] as const;
    },
    nowMs: () => nowMs,
    async moveClock(ms) {
      nowMs += ms;
    },
    async loseAll() {
      store = new MemoryStore(() => nowMs);
    },
    debris: async () => [],
  };
}

let redis: RedisServer;
let gates: [RedisStore, RedisStore, RedisStore];
beforeAll(async () => {
  redis = await startRedis();
  gates = [await openStore(redis.url), await openStore(redis.url), await openStore(redis.url)];
});
afterAll(async () => {
  await Promise.all(gates.map((gate) => gate.close()));
  await redis.stop();
});

it(
  'the Redis store keeps to the model, whatever steps are taken by whichever gate',
  async () => {
    await assertHolds(keepsToTheModel(openRedis), RUNS.redis);
  },
  TIMEOUT_MS,
);

it(
  'the Redis store places by room, whatever steps are taken',
  async () => {
    const empty = async () => {
      await redis.client.flushall();
      return gates[0];
    };
    await assertHolds(placesByRoom(empty), RUNS.redis);
  },
  TIMEOUT_MS,
);

async function openRedis(): Promise<Subject> {
  const { client } = redis;
  const loseAll = async () => {
    await client.flushall();
    await client.script('FLUSH'); // a Redis that comes back empty knows no scripts, either
  };
  await loseAll();
  return {
    gates,
    loseAll,
    // Redis's clock cannot be turned. To the scores in its sorted sets, all of them times, it is the same.
    nowMs: () => Date.now(),
    async moveClock(ms) {
      for (const key of await client.keys('*')) {
        if ((await client.type(key)) !== 'zset') continue;
        for (const member of await client.zrange(key, '0', '-1')) await client.zincrby(key, -ms, member);
      }
    },
    async debris(pod) {
      const set = `ws:pod_conn:${pod}`;
      const leases = new Set(await client.zrange(set, '0', '-1'));
      const info = (await client.hkeys(`{${set}}:info`)).filter((lease) => !leases.has(lease));
      const counts = await client.hgetall(`{${set}}:proxies`);
      const none = Object.entries(counts).filter(([, count]) => Number(count) <= 0);
      return [...info, ...none.map(([proxy, count]) => `${proxy}: ${count}`)];
    },
  };
}
