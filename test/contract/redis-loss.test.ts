/** When a Redis says that it may have lost leases, and when it must not. */

import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { openStore } from '../../lab/redis/store.ts';
import type { HeartbeatReply } from '../../src/admission/lease-store.ts';
import type { RedisStore } from '../../src/store/redis/store.ts';
import { value } from './lease-store.ts';

describe.each([
  ['tells in INFO which one it is', '+info'],
  ['does not, and has a mark', '-info'],
])('a Redis that %s', (_, rule) => {
  let redis: RedisServer;
  let store: RedisStore;
  beforeEach(async () => {
    redis = await start();
    store = await open();
  });

  async function start(...args: string[]): Promise<RedisServer> {
    const server = await startRedis({ args: ['--user', 'gate', 'on', 'nopass', '~*', '&*', '+@all', rule, ...args] });
    onTestFinished(() => server.stop());
    return server;
  }

  async function open({ url } = redis): Promise<RedisStore> {
    const opened = await openStore(url.replace('://', '://gate:any@'));
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

  it('is the same after a connection that breaks and comes back', async () => {
    const before = await incarnation();
    await aLittleLater();
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await expect.poll(() => store.up).toBe(false);
    expect(await incarnation()).toBe(before);
  });

  it('is the same for a gate that comes later, which hears of the loss that the others know', async () => {
    const before = await incarnation();
    await aLittleLater();
    expect(await incarnation(await open())).toBe(before);
    expect(await incarnation()).toBe(before);
  });

  it('has lost leases when it is emptied', async () => {
    const before = await incarnation();
    await aLittleLater();
    await redis.client.flushall();
    expect(await incarnation()).toBeGreaterThan(before);
  });

  it('may have lost leases when it comes back from its file', async () => {
    const before = await incarnation();
    await redis.client.save();
    await redis.kill();
    await expect.poll(() => store.up).toBe(false);
    await redis.again();
    const after = await incarnation();
    expect(after).toBeGreaterThan(before);
    await aLittleLater();
    expect(await incarnation(await open())).toBe(after);
  });

  it('may have lost leases when a replica takes over, and when the old master takes over again', async () => {
    const replica = await start('--replicaof', '127.0.0.1', String(redis.port));
    const first = await incarnation();
    await takeOver(replica);
    const second = await incarnation(await open(replica));
    expect(second).toBeGreaterThan(first);
    await redis.client.call('REPLICAOF', '127.0.0.1', String(replica.port));
    await takeOver(redis);
    expect(await incarnation(await open())).toBeGreaterThan(second);
  });

  it(`counts as another when its scripts are taken away: ${rule === '-info'}`, async () => {
    const before = await incarnation();
    await aLittleLater();
    await redis.client.script('FLUSH');
    expect((await incarnation()) > before).toBe(rule === '-info');
  });
});
