import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { machineNow } from '../../lab/fleet/machine-time.ts';
import { RedisCluster } from '../../lab/redis/cluster.ts';
import { startRedis } from '../../lab/redis/server.ts';
import { openStore } from '../../lab/redis/store.ts';
import { scripts } from '../../src/store/redis/scripts.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { claims } from '../support/claims.ts';
import { newLease, pod1, podId, proxyA } from '../support/names.ts';
import { describeLeaseStore, value } from './lease-store.ts';
import { describeOverriding } from './overriding.ts';
import { describePlacing } from './placing.ts';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await RedisCluster.start();
});
afterAll(() => cluster.stop());

const empty = async () => {
  await cluster.flush();
  return openStore(cluster.url);
};

describeLeaseStore('the Redis Cluster', empty);
describePlacing('the Redis Cluster', empty);
describeOverriding('the Redis Cluster', empty);

it('all keys of a pod are in one slot, and pods are spread over the masters', async () => {
  await cluster.flush();
  const store = await openStore(cluster.url);
  const pods = Array.from({ length: 12 }, (_, i) => podId(`10.0.0.${i}:8080`));
  for (const pod of pods) await value(store.acquire(claims(pod, 9), newLease(proxyA), 60_000, '/'));
  await store.close();
  const keysAt = async (client: Redis) => (await client.keys('*')).filter((key) => key !== '{ws:gates}:layout');
  const nodes = await Promise.all(cluster.nodes.map(async ({ client }) => ({ client, keys: await keysAt(client) })));
  for (const { client, keys } of nodes) {
    const here = pods.filter((pod) => keys.includes(`ws:pod_conn:${pod}`));
    expect(here).not.toEqual([]);
    expect(keys).toHaveLength(here.length * 3);
    for (const pod of here) {
      const slots = keys.filter((key) => key.includes(`:${pod}`)).map((key) => client.cluster('KEYSLOT', key));
      expect(new Set(await Promise.all(slots)).size).toBe(1);
    }
  }
});

it('every master has the scripts before the first upgrade', async () => {
  await Promise.all(cluster.nodes.map(({ client }) => client.script('FLUSH')));
  const store = await openStore(cluster.url);
  const shas = Object.values(scripts).map(({ sha }) => sha);
  for (const { client } of cluster.nodes) {
    expect(await client.script('EXISTS', ...shas)).toEqual(shas.map(() => 1));
  }
  await store.close();
});

it('one master that hangs is a store that is away, within the deadline; it is back when that master is', async () => {
  const store = await openStore(cluster.url, { deadlineMs: 100 });
  const master = await cluster.masterOf('ws:pod_conn:pod1');
  master.signal('SIGSTOP');
  const startedAtMs = machineNow();
  const acquire = () => store.acquire(claims(pod1, 9), newLease(proxyA), 60_000, '/');
  expect(await acquire()).toMatchObject({ ok: false, why: 'timeout', maybeDone: true });
  expect(machineNow() - startedAtMs).toBeLessThan(300);
  expect(await acquire()).toMatchObject({ ok: false, why: 'disconnected', maybeDone: false });
  master.signal('SIGCONT');
  await expect.poll(() => store.up).toBe(true);
  expect(await acquire()).toMatchObject({ ok: true });
  await store.close();
});

let gate: TestApp | undefined;
afterEach(() => gate?.stop());

it('the log says so when store.url takes a node of a cluster for a Redis, or a Redis for a cluster', async () => {
  const says = async (url: string, why: RegExp) => {
    gate = await startTestApp({ WSGATE_STORE_URL: url });
    await expect.poll(() => JSON.stringify(gate?.logLines)).toMatch(why);
    expect(await gate.store()).toMatch(/^the store does not answer: /);
    await gate.stop();
    gate = undefined;
  };
  await says(`redis://127.0.0.1:${cluster.nodes[0]?.port}`, /has to begin with redis\+cluster:/);
  const redis = await startRedis();
  await says(`redis+cluster://127.0.0.1:${redis.port}`, /cluster support disabled/);
  await redis.stop();
});
