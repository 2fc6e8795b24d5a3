/** What the link believes of an answer that comes after it went down, and how it finds out that Redis is back. */

import { EventEmitter, once } from 'node:events';
import { setInterval } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { RedisCluster } from '../../lab/redis/cluster.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { storeUrl } from '../../lab/redis/store.ts';
import type { Answer } from '../../src/admission/lease-store.ts';
import { createRedis } from '../../src/redis/client.ts';
import { RedisLink } from '../../src/redis/link.ts';
import { scripts } from '../../src/store/redis/scripts.ts';

const KEY = 'ws:pod_conn:pod1';
const LATE_ANSWER = {
  ok: false,
  why: 'disconnected',
  maybeDone: true,
  detail: expect.stringMatching(/^the link went down while (ask|talk) was under way$/),
};

let stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
  stops = [];
});

interface Changing {
  readonly link: RedisLink;
  readonly changes: EventEmitter<{ up: []; down: [] }>;
}

async function openLink(url: string, deadlineMs: number): Promise<Changing> {
  const changes = new EventEmitter<{ up: []; down: [] }>();
  const link = new RedisLink(
    createRedis(storeUrl(url), deadlineMs),
    { scripts: Object.values(scripts), prefix: 'ws:', deadlineMs },
    {
      changed: (up) => void changes.emit(up ? 'up' : 'down'),
      called() {},
      warned() {},
    },
  );
  stops.push(() => link.close());
  await expect.poll(() => link.up).toBe(true);
  return { link, changes };
}

async function oneRedis(): Promise<RedisServer> {
  const redis = await startRedis();
  stops.push(() => redis.stop());
  return redis;
}

const ask = (link: RedisLink) => link.call('ask', (redis) => redis.get(KEY));
/** A call that Redis answers with an error that says that it is not fit for use. */
const spoil = (link: RedisLink) =>
  link.call('spoil', (redis) => redis.eval("return redis.error_reply('MISCONF the disk is full')", 1, KEY));

describe('an answer that comes after the link went down is not believed', () => {
  /** Asks again and again while Redis stands still; it goes on as soon as the first call is late. */
  async function answersAroundAStall(url: string, stopped: RedisServer): Promise<Answer<unknown>[]> {
    const { link, changes } = await openLink(url, 400);
    let isDown = false;
    changes.once('down', () => {
      isDown = true;
      stopped.signal('SIGCONT');
    });
    stopped.signal('SIGSTOP');
    const asked: Promise<Answer<unknown>>[] = [];
    for await (const _ of setInterval(10)) {
      if (isDown) break;
      asked.push(ask(link));
    }
    await expect.poll(() => link.up).toBe(true);
    return Promise.all(asked);
  }

  it('by a Redis that stood still', async () => {
    const redis = await oneRedis();
    const answers = await answersAroundAStall(redis.url, redis);
    expect(answers.filter(({ ok }) => ok)).toEqual([]);
    expect(answers[0]).toMatchObject({ why: 'timeout', maybeDone: true });
    expect(answers).toContainEqual(LATE_ANSWER);
  });

  it('by a cluster of which one master stood still', async () => {
    const cluster = await RedisCluster.start();
    stops.push(() => cluster.stop());
    const answers = await answersAroundAStall(cluster.url, await cluster.masterOf(KEY));
    expect(answers.filter(({ ok }) => ok)).toEqual([]);
    expect(answers[0]).toMatchObject({ why: 'timeout', maybeDone: true });
    expect(answers).toContainEqual(LATE_ANSWER);
  });

  it('even when the link is up again by then, and the answer is that of the next Redis', async () => {
    const { link, changes } = await openLink((await oneRedis()).url, 5000);
    const upAgain = once(changes, 'up');
    const talk = link.call('talk', async (redis) => {
      await redis.get(KEY);
      await upAgain;
      return redis.get(KEY);
    });
    expect(await spoil(link)).toMatchObject({ why: 'refused' });
    expect(link.up).toBe(false);
    expect(await talk).toEqual(LATE_ANSWER);
    expect(link.up).toBe(true);
    expect(await ask(link)).toEqual({ ok: true, value: null });
  });
});

it('a Redis that stalls under a thousand calls is probed once, behind all of them', async () => {
  const redis = await oneRedis();
  const { link, changes } = await openLink(redis.url, 400);
  await redis.client.config('RESETSTAT');
  redis.signal('SIGSTOP');
  const asked: Promise<Answer<unknown>>[] = [];
  for await (const _ of setInterval(1)) {
    if (asked.length === 1000 || !link.up) break;
    for (let i = 0; i < 50; i += 1) asked.push(link.call('count', (client) => client.incr('asked')));
  }
  for (const answer of await Promise.all(asked)) expect(answer).toMatchObject({ why: 'timeout', maybeDone: true });
  expect(asked).toHaveLength(1000);
  const upAgain = once(changes, 'up');
  redis.signal('SIGCONT');
  await upAgain;
  expect(await link.call('get', (client) => client.get('asked'))).toEqual({ ok: true, value: '1000' });
  const stats = await redis.client.info('commandstats');
  const calls = (command: string) => Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
  expect(calls('script\\|load')).toBe(Object.keys(scripts).length);
  expect(calls('info')).toBe(1);
});
