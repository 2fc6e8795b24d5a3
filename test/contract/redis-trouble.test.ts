/** A Redis that answers, but is full, read-only, or set up so that leases get lost. */

import { afterEach, expect, it } from 'vitest';
import { checkOf, leaseIn, newStream } from '../../lab/fleet/messages.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { openStore } from '../../lab/redis/store.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { claims } from '../support/claims.ts';
import { gone, TIMES } from '../support/expire.ts';
import { leasesOf, newLease, pod1, proxyA } from '../support/names.ts';
import { value } from './lease-store.ts';

const KEY = 'ws:pod_conn:pod1';

let stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
  stops = [];
});

async function redisWith(...args: string[]): Promise<RedisServer> {
  const redis = await startRedis({ args });
  stops.push(() => redis.stop());
  return redis;
}

/** A machine at work is not to be taken for a Redis that is away. */
const DEADLINE = '1s';

async function gateOn(url: string): Promise<TestApp> {
  const env = { WSGATE_STORE_URL: url, WSGATE_STORE_DEADLINE: DEADLINE, WSGATE_OUTAGE_POLICY: 'deny' };
  const gate = await startTestApp(env);
  stops.push(() => gate.stop());
  return gate;
}

async function storeOn(redis: RedisServer) {
  const store = await openStore(redis.url);
  stops.push(() => store.close());
  return store;
}

const isReady = (gate: TestApp) => expect.poll(() => gate.store()).toBe('ok');
const lines = (gate: TestApp, text: RegExp) => gate.logLines.filter((line) => text.test(JSON.stringify(line)));
const logs = (gate: TestApp, text: RegExp) => expect.poll(() => lines(gate, text)).not.toEqual([]);

/** Until wsgate has tried again with so many new connections. */
async function triesAgain(redis: RedisServer, times: number): Promise<void> {
  const connections = async () =>
    Number(/total_connections_received:(\d+)/.exec(await redis.client.info('stats'))?.[1]);
  const before = await connections();
  await expect.poll(connections).toBeGreaterThanOrEqual(before + times);
}

/** `maxmemory` below what it uses already. */
const fill = (redis: RedisServer) => redis.client.config('SET', 'maxmemory', '1');

it('a full Redis refuses acquires by value and stays up; it learns of open and closed connections all the same', async () => {
  const redis = await redisWith('--maxmemory-policy', 'noeviction');
  const store = await storeOn(redis);
  const [held, closed] = leasesOf(proxyA, 2);
  if (!held || !closed) throw new Error('no leases');
  for (const lease of [held, closed]) await value(store.acquire(claims(pod1, 9), lease, 1, '/'));
  await fill(redis);

  expect(await store.acquire(claims(pod1, 9), newLease(proxyA), 60_000, '/')).toMatchObject({
    ok: false,
    why: 'refused',
    maybeDone: false,
    detail: expect.stringContaining('OOM'),
  });
  expect(store.up).toBe(true);
  expect(await value(store.acquire(claims(pod1, 2), newLease(proxyA), 60_000, '/'))).toEqual({
    admitted: false,
    count: 2,
  });
  const adopted = { lease: newLease(proxyA), holder: { state: 'live', path: '/' } } as const;
  expect(await value(store.renew(pod1, [{ lease: held }, adopted], 60_000))).toEqual({ created: 1, count: 3 });
  const beat = { gate: 'g', proxies: [proxyA], pods: [pod1], gateSilentMs: 1000, proxySilentMs: 1000 };
  expect(await value(store.heartbeat(beat))).toMatchObject({ gates: 1 });
  await value(store.register([proxyA]));
  await expect.poll(async () => (await value(store.expire(pod1, gone(proxyA), TIMES))).count).toBe(2); // `closed` is past its expiry
  expect(await redis.client.zscore(KEY, closed)).toBeNull();
  expect(await value(store.release(pod1, [held, adopted.lease], 0))).toBe(2);
  await value(store.remove('proxies', [proxyA], 0));
  expect(await redis.client.exists(KEY, `{${KEY}}:proxies`, `{${KEY}}:info`)).toBe(0);

  await storeOn(redis); // a gate that starts now comes up
  await redis.client.config('SET', 'maxmemory', '0');
  expect(await value(store.acquire(claims(pod1, 9), newLease(proxyA), 60_000, '/'))).toMatchObject({ admitted: true });
});

it('with a full Redis upgrades are decided by outage.policy, and the gate and its log say why', async () => {
  const redis = await redisWith();
  const gate = await gateOn(redis.url);
  await isReady(gate);
  await fill(redis);
  for (let i = 0; i < 3; i += 1) {
    expect(await gate.check(checkOf(newStream(), 'pod1'))).toMatchObject({
      deniedResponse: { status: { code: 503 } },
    });
  }
  expect(await gate.store()).toMatch(/^refused the last upgrade: .*OOM/);
  expect(lines(gate, /acquire is refused: OOM/)).toHaveLength(1); // not a line for each
});

it.each([
  ['allkeys-lru', true],
  ['volatile-lru', true],
  ['noeviction', false],
])('a Redis that evicts by %s is warned of: %s', async (policy, warned) => {
  const redis = await redisWith('--maxmemory', '100mb', '--maxmemory-policy', policy);
  const gate = await gateOn(redis.url);
  await isReady(gate);
  expect(lines(gate, /maxmemory-policy/)).toHaveLength(warned ? 1 : 0);
});

it('a replica is not used: the log says what it is, and it is used within two seconds of becoming a master', async () => {
  const master = await redisWith();
  const replica = await redisWith('--replicaof', '127.0.0.1', String(master.port));
  const gate = await gateOn(replica.url);
  await logs(gate, /READONLY: this is a replica/);
  await triesAgain(replica, 3);
  expect(await gate.store()).toMatch(/^the store does not answer: /);
  expect(lines(gate, /the store does not answer/)).toHaveLength(1);
  await replica.client.replicaof('NO', 'ONE');
  await isReady(gate);
});

it.each<[string, RegExp, (redis: RedisServer) => Promise<unknown>]>([
  ['becomes a replica', /READONLY/, ({ client }) => client.replicaof('127.0.0.1', 1)],
  ['lacks replicas', /NOREPLICAS/, ({ client }) => client.config('SET', 'min-replicas-to-write', 1)],
])('a Redis that %s under a gate is left once and for all, until it takes writes again', async (_, why, spoil) => {
  const redis = await redisWith();
  const gate = await gateOn(redis.url);
  await isReady(gate);
  leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
  await spoil(redis);
  expect(await gate.check(checkOf(newStream(), 'pod1'))).toMatchObject({ deniedResponse: { status: { code: 503 } } });
  await logs(gate, why);
  await triesAgain(redis, 3);
  expect(await gate.store()).toMatch(/^the store does not answer: /);
  expect(lines(gate, /the store does not answer/)).toHaveLength(1);
  await redis.client.replicaof('NO', 'ONE');
  await redis.client.config('SET', 'min-replicas-to-write', 0);
  await isReady(gate);
  leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
});
