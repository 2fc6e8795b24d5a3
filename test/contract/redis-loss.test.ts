/** When a Redis says that it may have lost leases, and when it must not. */

import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { openStore } from '../../lab/redis/store.ts';
import type { HeartbeatReply } from '../../src/admission/lease-store.ts';
import type { RedisStore } from '../../src/store/redis/store.ts';
import { value } from './lease-store.ts';

let redis: RedisServer;
let store: RedisStore;
beforeEach(async () => {
  redis = await startRedis();
  onTestFinished(() => redis.stop());
  store = await open();
});

async function open(url = redis.url): Promise<RedisStore> {
  const opened = await openStore(url);
  onTestFinished(() => opened.close());
  return opened;
}

const beat = (by = store): Promise<HeartbeatReply> =>
  value(by.heartbeat({ gate: 'gate1', proxies: [], pods: [], gateSilentMs: 5000, proxySilentMs: 5000 }));

/** When its incarnation began, as soon as it can be asked. */
async function incarnation(by = store): Promise<number> {
  await expect.poll(() => by.up).toBe(true);
  return (await beat(by)).incarnationMs;
}

/** The next millisecond, at least. */
async function aLittleLater(by = store): Promise<void> {
  const { timeMs } = await beat(by);
  await expect.poll(async () => (await beat(by)).timeMs).toBeGreaterThan(timeMs);
}

/** Makes a replica the master, when it has all that the master has. */
async function takeOver({ client }: RedisServer): Promise<void> {
  const replication = () => client.info('replication');
  await expect.poll(replication).toContain('master_link_status:up');
  await client.call('REPLICAOF', 'NO', 'ONE');
}

it('a connection that breaks and comes back is no loss', async () => {
  const before = await incarnation();
  await aLittleLater();
  await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await expect.poll(() => store.up).toBe(false);
  expect(await incarnation()).toBe(before);
});

it('a gate that comes later hears of the loss that the others know', async () => {
  const before = await incarnation();
  await aLittleLater();
  expect(await incarnation(await open())).toBe(before);
});

it('a Redis that is emptied has lost leases', async () => {
  const before = await incarnation();
  await aLittleLater();
  await redis.client.flushall();
  expect(await incarnation()).toBeGreaterThan(before);
});

it('a replica that takes over may have lost leases, and so may the old master when it takes over again', async () => {
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(redis.port)] });
  onTestFinished(() => replica.stop());
  const first = await incarnation();
  await takeOver(replica);
  const second = await incarnation(await open(replica.url));
  expect(second).toBeGreaterThan(first);
  await redis.client.call('REPLICAOF', '127.0.0.1', String(replica.port));
  await takeOver(redis);
  expect(await incarnation(await open())).toBeGreaterThan(second);
});

it('a Redis that may not say which one it is may be another one after each reconnect', async () => {
  await redis.client.call('ACL', 'SETUSER', 'default', '-info');
  const silent = await open();
  const before = await incarnation(silent);
  await aLittleLater(silent);
  expect(await incarnation(silent)).toBe(before);
  await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await expect.poll(() => silent.up).toBe(false);
  expect(await incarnation(silent)).toBeGreaterThan(before);
});
