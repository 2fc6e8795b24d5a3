/** What people and scrapes read goes over a connection of its own, and is as true as if it went over the other one. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { checkOf, leaseIn, newStream } from '../../lab/fleet/messages.ts';
import { Wire } from '../../lab/fleet/wire.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { openStore } from '../../lab/redis/store.ts';
import type { LeaseStore } from '../../src/admission/lease-store.ts';
import { scripts } from '../../src/store/redis/scripts.ts';
import { startTestApp } from '../support/app.ts';
import { claims } from '../support/claims.ts';
import { newLease, pod1, proxyA } from '../support/names.ts';
import { value } from './lease-store.ts';

/** Far shorter than a reading may take: an admission behind one would be late. */
const DEADLINE_MS = 300;
const NAME = 'wsgate-reads';

let stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
  stops = [];
});

async function redisBehindWire(): Promise<{ redis: RedisServer; wire: Wire; url: string }> {
  const redis = await startRedis();
  const wire = await Wire.to(redis.port);
  stops.push(
    () => redis.stop(),
    async () => wire.stop(),
  );
  return { redis, wire, url: `redis://127.0.0.1:${wire.port}` };
}

async function storeOn(url: string): Promise<LeaseStore> {
  const store = await openStore(url, { deadlineMs: DEADLINE_MS });
  stops.push(() => store.close());
  return store;
}

const acquire = (store: LeaseStore) => value(store.acquire(claims(pod1, 1000), newLease(proxyA), 60_000, '/'));
const read = async (store: LeaseStore) => (await value(store.fleet([pod1]))).pods[0]?.connections;
const AWAY = {
  ok: false,
  why: expect.stringMatching(/timeout|disconnected/),
  detail: expect.stringMatching(/^the connection for reads: /),
};

describe('a reading that Redis does not answer', () => {
  it.each<[string, string, (store: LeaseStore) => Promise<unknown>]>([
    ['counts', scripts.snapshot.sha, (store) => store.fleet([pod1])],
    ['leases', scripts.leases.sha, (store) => store.leases(pod1, 10)],
    ['the list of pods', 'ws:pods', (store) => store.pods('people')],
  ])('of %s delays no admission, leaves the store up, and is answered by value', async (_, text, ask) => {
    const { wire, url } = await redisBehindWire();
    const store = await storeOn(url);
    await acquire(store);
    expect(await ask(store)).toMatchObject({ ok: true });
    wire.hold(text);
    let isAnswered = false;
    const reading = ask(store).finally(() => {
      isAnswered = true;
    });
    await expect.poll(() => wire.held).toBe(1);
    let admitted = 0;
    while (!isAnswered) {
      await acquire(store); // within DEADLINE_MS
      admitted += 1;
      expect(store.up).toBe(true);
      await delay(10); // so that there are not ten thousand
    }
    expect(admitted).toBeGreaterThan(10);
    expect(await reading).toMatchObject(AWAY);
    wire.letGo();
    expect(await ask(store)).toMatchObject({ ok: true });
    expect(await read(store)).toBe(admitted + 1);
  });
});

it('a reading waits until what this gate wrote before it has been answered, and tells it', async () => {
  const { wire, url } = await redisBehindWire();
  const store = await openStore(url, { deadlineMs: 5000 });
  stops.push(() => store.close());
  expect(await read(store)).toBe(0);
  wire.hold(scripts.acquire.sha);
  const acquired = acquire(store);
  const reading = read(store);
  await expect.poll(() => wire.held).toBe(1);
  await Promise.race([reading, delay(200)]); // it would be answered by then
  wire.letGo();
  expect(await reading).toBe(1);
  await acquired;
});

it('a gate starts, is ready and admits without its connection for reads; it says that it cannot show anything, and why', async () => {
  const { wire, url } = await redisBehindWire();
  wire.hold(NAME);
  const gate = await startTestApp({ WSGATE_STORE_URL: url, WSGATE_STORE_DEADLINE: '1s' });
  stops.push(() => gate.stop());
  await expect.poll(async () => (await gate.get('/readyz')).status).toBe(200);
  leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
  const shown = await gate.get('/v1/pods/pod1');
  expect(shown.status).toBe(503);
  expect(await shown.json()).toMatchObject({ detail: expect.stringContaining('the connection for reads') });
  await expect.poll(() => JSON.stringify(gate.logLines)).toMatch(/the connection for reads is away/);
  wire.letGo();
  await expect.poll(() => gate.get('/v1/pods/pod1').then(({ status }) => status)).toBe(200);
  expect(await gate.connections('pod1')).toBe(1);
});

it('a reading waits for a connection that is on its way', async () => {
  const { wire, url } = await redisBehindWire();
  wire.hold(NAME);
  const store = await storeOn(url);
  await acquire(store);
  const reading = read(store);
  await expect.poll(() => wire.held).toBe(1);
  wire.letGo();
  expect(await reading).toBe(1);
});

it('a connection for reads that breaks is made again, and the store stays up', async () => {
  const { redis, url } = await redisBehindWire();
  const store = await storeOn(url);
  await acquire(store);
  expect(await read(store)).toBe(1);
  await kill(redis, NAME);
  await expect.poll(() => store.fleet([pod1])).toMatchObject({ ok: true });
  expect(store.up).toBe(true);
  expect(await read(store)).toBe(1);
});

it('reads of the Redis that admits, even when the one before keeps the connection that it has', async () => {
  const { redis, wire, url } = await redisBehindWire();
  const store = await storeOn(url);
  await acquire(store);
  expect(await read(store)).toBe(1);
  const next = await startRedis();
  stops.push(() => next.stop());
  wire.to = next.port;
  await kill(redis, 'wsgate');
  await expect.poll(() => store.acquire(claims(pod1, 9), newLease(proxyA), 60_000, '/')).toMatchObject({ ok: true });
  await acquire(store);
  expect(await connectionsOf(redis, NAME)).toHaveLength(1);
  expect(await read(store)).toBe(await next.client.zcard('ws:pod_conn:pod1'));
  await expect.poll(() => connectionsOf(redis, NAME)).toEqual([]);
});

it('closes both connections', async () => {
  const { redis, url } = await redisBehindWire();
  const store = await openStore(url);
  await read(store);
  expect(await connectionsOf(redis, NAME)).toHaveLength(1);
  await store.close();
  await expect
    .poll(async () => [...(await connectionsOf(redis, NAME)), ...(await connectionsOf(redis, 'wsgate'))])
    .toEqual([]);
});

/** The ids of the connections with this name. */
async function connectionsOf(redis: RedisServer, name: string): Promise<string[]> {
  const list = String(await redis.client.client('LIST'));
  return list
    .split('\n')
    .flatMap((line) => (line.includes(` name=${name} `) ? [/^id=(\d+)/.exec(line)?.[1] ?? ''] : []));
}

async function kill(redis: RedisServer, name: string): Promise<void> {
  for (const id of await connectionsOf(redis, name)) await redis.client.client('KILL', 'ID', id);
}
