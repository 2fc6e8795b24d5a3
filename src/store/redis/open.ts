/** Opens the store on a Redis: one connection for what the gate does, and one for what people and scrapes read. */

import type { StoreUrl } from '../../config/store-url.ts';
import { createRedis, type RedisClient, type RedisTls, type SentinelAccount } from '../../redis/client.ts';
import { type LinkEvents, RedisLink } from '../../redis/link.ts';
import { Keys } from './keys.ts';
import { judgeLayout } from './layout.ts';
import { Reads } from './reads.ts';
import { scripts } from './scripts.ts';
import { RedisStore } from './store.ts';

/**
 * Nobody's connection waits for a reading, so it may take longer than a call that an upgrade waits for: a Redis that is
 * busy for a second is no reason to show nothing. Prometheus gives a scrape ten seconds, the hub tells its figures every
 * five, and what people look at is to be there or say that it cannot within two or three.
 */
const READ_DEADLINE_MS = 2000;
const READ_DEADLINES_TO_RECONNECT = 2;

export interface RedisStoreConfig {
  readonly url: StoreUrl;
  readonly deadline: number;
  readonly prefix: string;
  readonly info: boolean;
  readonly tls?: RedisTls;
  readonly sentinel?: SentinelAccount;
}

/** `events` are those of the link that the gate admits over, which alone decides whether the store is up. */
export function openRedisStore(config: RedisStoreConfig, events: LinkEvents): RedisStore {
  const { url, deadline, tls, sentinel, prefix, info } = config;
  const all = Object.values(scripts);
  const readDeadline = Math.max(READ_DEADLINE_MS, deadline);
  const forReads = { name: 'wsgate-reads', silenceMs: readDeadline * READ_DEADLINES_TO_RECONNECT };
  const layoutKey = new Keys(prefix).layout;
  const judgeContent = (redis: RedisClient) => judgeLayout(redis, layoutKey);
  const ours = { scripts: all, prefix };
  const admissions = new RedisLink(
    createRedis(url, deadline, tls, sentinel),
    { ...ours, deadlineMs: deadline, judgeContent },
    events,
  );
  const readsClient = createRedis(url, readDeadline, tls, sentinel, forReads);
  const reads = new RedisLink(
    readsClient,
    { ...ours, deadlineMs: readDeadline },
    {
      changed() {},
      called: (...call) => events.called(...call),
      warned(kind, detail) {
        if (kind !== 'unfit' && kind !== 'unsafe') events.warned(kind, detail); // those the other one tells of the same Redis
      },
    },
  );
  return new RedisStore(admissions, new Reads(admissions, reads), { prefix, info });
}
