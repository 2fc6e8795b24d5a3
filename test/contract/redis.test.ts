import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { machineNow } from '../../lab/fleet/machine-time.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { openStore, storeUrl } from '../../lab/redis/store.ts';
import type { PodId } from '../../src/admission/ids.ts';
import type { LeaseStore } from '../../src/admission/lease-store.ts';
import { createRedis } from '../../src/redis/client.ts';
import { RedisLink } from '../../src/redis/link.ts';
import { scripts } from '../../src/store/redis/scripts.ts';
import { claims } from '../support/claims.ts';
import { leasesOf, newLease, pod1, podsOf, proxyA, proxyB, serviceId } from '../support/names.ts';
import { describeLeaseStore, value } from './lease-store.ts';
import { describeOverriding } from './overriding.ts';
import { describePlacing } from './placing.ts';

const DEADLINE_MS = 100;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

function open({ url = redis.url, ...options }: { url?: string; deadlineMs?: number; info?: boolean } = {}) {
  return openStore(url, options);
}

const empty = async () => {
  await redis.client.flushall();
  return open();
};

describeLeaseStore('the Redis', empty);
describePlacing('the Redis', empty);
describeOverriding('the Redis', empty);

it('a lease that one gate holds and another renews is known to be held, whoever spoke last', async () => {
  const store = await empty();
  const lease = newLease(proxyA);
  const mayBeHeld = () => value(store.mayBeHeld(pod1, lease));
  await value(store.acquire(claims(pod1, 1), lease, 60_000, '/'));
  expect(await mayBeHeld()).toBe(false);
  await value(store.renew(pod1, [{ lease, held: true }], 60_000));
  await value(store.renew(pod1, [{ lease, told: true }], 60_000));
  expect(await mayBeHeld()).toBe(true);
});

describe('of the lists of pods that gates have', () => {
  const chat = serviceId('chat');
  const tell = async (store: LeaseStore, gate: string, list: string, forgetMs = 60_000) =>
    value(store.listed(chat, gate, list, forgetMs));
  const counting = { counts: true, isEnrolled: false };

  it('the one counts to which a gate has changed last; an old one that is told again does not', async () => {
    const store = await empty();
    expect(await tell(store, 'a', 'old')).toEqual({ ...counting, by: 'a' });
    expect(await tell(store, 'b', 'old')).toEqual({ ...counting, by: 'b' });
    expect(await tell(store, 'b', 'new')).toEqual({ ...counting, by: 'b' });
    expect(await tell(store, 'a', 'old')).toMatchObject({ counts: false, by: 'b' });
    expect(await tell(store, 'c', 'old')).toMatchObject({ counts: false, by: 'b' }); // a gate that starts
    expect(await tell(store, 'c', 'new')).toMatchObject({ counts: true });
    expect(await tell(store, 'b', 'old')).toMatchObject({ counts: true }); // back
    expect(await tell(store, 'c', 'new')).toMatchObject({ counts: false, by: expect.stringMatching(/a|b/) });
  });

  it('one that no gate has told for so long is forgotten', async () => {
    const store = await empty();
    await tell(store, 'a', 'old');
    await tell(store, 'b', 'new');
    expect(await tell(store, 'a', 'old')).toMatchObject({ counts: false });
    await expect.poll(async () => (await tell(store, 'a', 'old', 50)).counts, { interval: 60 }).toBe(true);
  });

  it('one is enrolled when all of it has been', async () => {
    const store = await empty();
    const [pod] = podsOf(chat, 1) as [PodId];
    await tell(store, 'a', 'list');
    await value(store.enrol(chat, new Map([[pod, 3]]), {}, 'list'));
    expect(await tell(store, 'a', 'list')).toMatchObject({ counts: true, isEnrolled: true });
    expect(await value(store.enrolled(chat))).toEqual(new Map([[pod, 3]]));
    await value(store.enrol(chat, new Map(), {}, 'none'));
    expect(await tell(store, 'a', 'list')).toMatchObject({ counts: true, isEnrolled: false });
    expect(await value(store.enrolled(chat))).toEqual(new Map());
  });
});

describe('the keys in Redis', () => {
  it('are the ones of the contract, and go when the last lease goes', async () => {
    await redis.client.flushall();
    const store = await open();
    const lease = newLease(proxyA);
    await value(store.acquire(claims(pod1, 100), lease, 60_000, '/chat'));
    const about = { version: '1.2.3', node: '24.0.0', startedMs: 1 };
    await value(
      store.heartbeat({ gate: 'g', about, proxies: [proxyA], pods: [pod1], gateSilentMs: 1, proxySilentMs: 1 }),
    );
    expect((await redis.client.keys('*')).sort()).toEqual([
      'ws:gates',
      'ws:pod_conn:pod1',
      'ws:pods',
      'ws:proxies',
      '{ws:gates}:about',
      '{ws:gates}:history',
      '{ws:gates}:layout',
      '{ws:gates}:told',
      '{ws:pod_conn:pod1}:info',
      '{ws:pod_conn:pod1}:proxies',
    ]);
    expect(await redis.client.zcard('ws:pod_conn:pod1')).toBe(1);
    expect(await redis.client.hgetall('{ws:pod_conn:pod1}:proxies')).toEqual({ proxy_a: '1' });
    const expiryMs = Number(await redis.client.zscore('ws:pod_conn:pod1', lease));
    expect(Math.abs(expiryMs - Date.now() - 60_000)).toBeLessThan(5000);
    await value(store.release(pod1, [lease], 60_000));
    expect(await redis.client.hgetall('{ws:gates}:about')).toEqual({ g: JSON.stringify(about) });
    const ofAll = ['about', 'history', 'layout', 'told'].map((part) => `{ws:gates}:${part}`);
    const memberships = ['ws:gates', 'ws:pods', 'ws:proxies'];
    expect((await redis.client.keys('*')).sort()).toEqual([...memberships, ...ofAll, '{ws:pod_conn:pod1}:ended']);
    // What has ended goes by itself: there may be no call for this pod any more.
    const leftMs = await redis.client.pttl('{ws:pod_conn:pod1}:ended');
    expect(leftMs).toBeGreaterThan(50_000);
    expect(leftMs).toBeLessThanOrEqual(60_000);
    await store.close();
  });

  it('share the hash slot of their pod, so that every script may run on Redis Cluster', async () => {
    const slots = await Promise.all(
      ['ws:pod_conn:a.b:c', '{ws:pod_conn:a.b:c}:proxies', '{ws:pod_conn:a.b:c}:info'].map((key) => slotOf(key)),
    );
    expect(new Set(slots).size).toBe(1);
  });

  it('hold no info when that is turned off, and the counts are the same', async () => {
    await redis.client.flushall();
    const store = await open({ info: false });
    const lease = newLease(proxyA);
    await value(store.acquire(claims(pod1, 100), lease, 60_000, '/chat'));
    await value(store.renew(pod1, [{ lease, holder: { state: 'live', path: '/chat' } }], 60_000));
    expect(await redis.client.exists('{ws:pod_conn:pod1}:info')).toBe(0);
    expect((await value(store.leases(pod1, 10))).leases).toEqual([{ lease }]);
    await store.close();
  });
});

/** CRC16/XMODEM of what is between the first braces, or of the whole key: the Redis Cluster specification. */
function slotOf(key: string): number {
  const tag = /\{(.+?)\}/.exec(key)?.[1] ?? key;
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc % 16384;
}

describe('the acquire script, called by EVALSHA', () => {
  const keys = ['ws:pod_conn:pod1', '{ws:pod_conn:pod1}:proxies', '{ws:pod_conn:pod1}:info'];
  const acquire = (lease: string, proxy: string) =>
    redis.client.evalsha(scripts.acquire.sha, keys.length, ...keys, 100, lease, proxy, 20_000, '');

  it('answers {1, count, SUCCESS} below the limit and {0, count, LIMIT_EXCEEDED} at it', async () => {
    await redis.client.flushall();
    await redis.client.script('LOAD', scripts.acquire.source);
    for (const lease of leasesOf(proxyA, 66)) await acquire(lease, proxyA);
    expect(await Promise.all([acquire(newLease(proxyA), proxyA), acquire(newLease(proxyB), proxyB)])).toEqual([
      [1, 67, 'SUCCESS'],
      [1, 68, 'SUCCESS'],
    ]);
    for (const lease of leasesOf(proxyB, 32)) await acquire(lease, proxyB);
    expect(await Promise.all([acquire(newLease(proxyA), proxyA), acquire(newLease(proxyB), proxyB)])).toEqual([
      [0, 100, 'LIMIT_EXCEEDED'],
      [0, 100, 'LIMIT_EXCEEDED'],
    ]);
  });
});

describe('the link to Redis', () => {
  it('goes on when Redis has forgotten the scripts', async () => {
    const store = await open();
    await redis.client.script('FLUSH');
    expect(await store.acquire(claims(pod1, 1000), newLease(proxyA), 60_000, '/')).toMatchObject({ ok: true });
    await store.close();
  });

  it('answers within the deadline that a stopped Redis is away, then at once, and is back when Redis goes on', async () => {
    const own = await startRedis();
    const store = await open({ url: own.url, deadlineMs: DEADLINE_MS });
    own.signal('SIGSTOP');
    const lease = newLease(proxyA);
    let startedAt = machineNow();
    expect(await store.acquire(claims(pod1, 9), lease, 60_000, '/')).toMatchObject({
      ok: false,
      why: 'timeout',
      maybeDone: true,
    });
    expect(machineNow() - startedAt).toBeLessThan(DEADLINE_MS * 3);
    startedAt = machineNow();
    expect(await store.acquire(claims(pod1, 9), newLease(proxyA), 60_000, '/')).toMatchObject({
      ok: false,
      maybeDone: false,
    });
    expect(machineNow() - startedAt).toBeLessThan(DEADLINE_MS / 2);
    own.signal('SIGCONT');
    await expect.poll(() => store.up).toBe(true);
    // What was asked before the stop was carried out after it: the caller has to release it.
    expect(await value(store.release(pod1, [lease], 0))).toBe(1);
    await store.close();
    await own.stop();
  });

  it('is down when Redis dies, and up within two seconds of its return', async () => {
    const own = await startRedis();
    const store = await open({ url: own.url, deadlineMs: DEADLINE_MS });
    const { port } = own;
    await own.stop();
    await expect.poll(() => store.up).toBe(false);
    expect(await store.acquire(claims(pod1, 9), newLease(proxyA), 60_000, '/')).toMatchObject({
      ok: false,
      why: 'disconnected',
    });
    const again = await startRedis({ port });
    await expect.poll(() => store.up).toBe(true);
    expect(await store.acquire(claims(pod1, 9), newLease(proxyA), 60_000, '/')).toMatchObject({ ok: true });
    await store.close();
    await again.stop();
  });

  it('connects again when ioredis has given up', async () => {
    const client = createRedis(storeUrl(redis.url), 1000);
    const link = new RedisLink(
      client,
      { scripts: Object.values(scripts), prefix: 'ws:', deadlineMs: 1000 },
      { changed() {}, called() {}, warned() {} },
    );
    await expect.poll(() => link.up).toBe(true);
    client.disconnect();
    await expect.poll(() => client.status).toBe('end');
    expect(link.up).toBe(false);
    await expect.poll(() => link.up).toBe(true);
    await link.close();
    await expect.poll(() => client.status).toBe('end');
  });

  it('says by value what Redis refuses, and stays up', async () => {
    const store = await open();
    await redis.client.flushall();
    await redis.client.set('ws:pod_conn:pod1', 'not a sorted set');
    expect(await store.acquire(claims(pod1, 9), newLease(proxyA), 60_000, '/')).toMatchObject({
      ok: false,
      why: 'refused',
      detail: expect.stringContaining('WRONGTYPE'),
    });
    expect(store.up).toBe(true);
    await store.close();
    await redis.client.flushall();
  });

  it.each([
    ['a unix socket', (own: RedisServer) => `unix://${own.socket}`],
    ['a user, a password and a database', (own: RedisServer) => `${own.url.replace('://', '://gate:s3cret@')}/3`],
  ])('takes %s', async (_what, urlOf) => {
    const own = await startRedis();
    await own.client.call('ACL', 'SETUSER', 'gate', 'on', '>s3cret', '~*', '+@all');
    const store = await open({ url: urlOf(own) });
    expect(await store.acquire(claims(pod1, 9), newLease(proxyA), 60_000, '/')).toMatchObject({ ok: true });
    await store.close();
    await own.stop();
  });
});
