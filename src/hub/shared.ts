/** What the hubs of all gates share, by the configuration. */

import type { Config } from '../config/schema.ts';
import { MemoryBroker } from './broker/memory-broker.ts';
import { MemoryCache } from './figures/memory-cache.ts';
import type { Shared } from './hub.ts';

/**
 * Loads what it takes to share: a gate without Redis never loads ioredis. What it resolves with opens connections, and
 * throws when a file of `store.tls` cannot be read.
 */
export async function sharing(config: Config): Promise<() => Shared> {
  if (!config.store.url) return shareInMemory;
  const { shareInRedis } = await import('./shared-in-redis.ts');
  return () => shareInRedis(config);
}

export function shareInMemory(): Shared {
  return { broker: new MemoryBroker(), cache: new MemoryCache() };
}
