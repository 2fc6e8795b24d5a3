/** What gates share in Redis, over connections of the hub's own: no upgrade waits behind an event. */

import type { Config } from '../config/schema.ts';
import { readPems } from '../net/pem-files.ts';
import { createRedis } from '../redis/client.ts';
import { RedisLink } from '../redis/link.ts';
import { publish, RedisBroker } from './broker/redis-broker.ts';
import { RedisCache } from './figures/redis-cache.ts';
import type { Shared } from './hub.ts';

/** Throws when a file of `store.tls` cannot be read. */
export function shareInRedis({ store, hub: { historyMax } }: Config): Shared {
  const { url, deadline, prefix } = store;
  if (!url) throw new Error('there is no Redis to share in');
  const tls = store.tls && readPems('store.tls', store.tls);
  const connect = () => createRedis(url, deadline, tls, store.sentinel);
  const link = new RedisLink(
    connect(),
    { scripts: [publish], prefix, deadlineMs: deadline },
    {
      changed: (up, detail) => broker.linkChanged(up, detail),
      called() {},
      warned() {}, // the link of the leases, to the same Redis, warns of the same
    },
  );
  const broker = new RedisBroker(link, connect(), { prefix, historyMax });
  return { broker, cache: new RedisCache(link, prefix) };
}
