/** Puts the hub together, by the configuration. */

import type { Config } from '../config/schema.ts';
import { readPems } from '../net/pem-files.ts';
import { createRedis } from '../redis/client.ts';
import { RedisLink } from '../redis/link.ts';
import type { Broker } from './broker/broker.ts';
import { MemoryBroker } from './broker/memory-broker.ts';
import { publish, RedisBroker } from './broker/redis-broker.ts';
import type { FleetCache } from './figures/fleet-cache.ts';
import { MemoryCache } from './figures/memory-cache.ts';
import { RedisCache } from './figures/redis-cache.ts';
import { Hub, type HubParts } from './hub.ts';

/** How often, in the time that the console's clients have for a pong, those that are silent are looked for. */
const CLEANUPS_PER_PONG = 10;

/** `gate`: this gate's name. Throws when a file of `store.tls` cannot be read. */
export function openHub(config: Config, gate: string, parts: Omit<HubParts, 'broker' | 'cache'>): Hub {
  const { hub } = config;
  const feed = { ...hub, pingMs: hub.ping, timeoutMs: hub.sessionTimeout, cleanupMs: hub.cleanup };
  return new Hub(
    { ...parts, ...openShared(config) },
    {
      ...hub,
      gate,
      ticketMs: hub.ticket,
      events: feed,
      metrics: { ...feed, everyMs: hub.metrics.every },
      console: {
        ...feed,
        whenFull: 'drop',
        everyMs: hub.console.every,
        pingMs: hub.console.ping,
        timeoutMs: hub.console.pong,
        cleanupMs: Math.ceil(hub.console.pong / CLEANUPS_PER_PONG),
        queueMax: hub.console.queueMax,
        messageBytesMax: hub.console.messageBytesMax,
      },
      snapshots: { ttlMs: hub.metrics.ttl, fillingPercent: hub.fillingPercent },
    },
  );
}

/** What gates share. With Redis, over connections of the hub's own: no upgrade waits behind an event. */
export function openShared({ store, hub: { historyMax } }: Config): { broker: Broker; cache: FleetCache } {
  const { url, deadline, prefix } = store;
  if (!url) return { broker: new MemoryBroker(), cache: new MemoryCache() };
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
