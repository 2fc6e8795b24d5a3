/** A gate's Redis store, for tests that look at it without a gate. */

import { parseStoreUrl, type StoreUrl } from '../../src/config/store-url.ts';
import { openRedisStore } from '../../src/store/redis/open.ts';
import type { RedisStore } from '../../src/store/redis/store.ts';
import { until } from '../fleet/processes.ts';

/** A store on a Redis, once it is up. */
export async function openStore(
  url: string,
  options: { deadlineMs?: number; info?: boolean; upWithinMs?: number } = {},
): Promise<RedisStore> {
  const { deadlineMs = 2000, info = true, upWithinMs = 5000 } = options;
  const config = { url: storeUrl(url), deadline: deadlineMs, prefix: 'ws:', info };
  const store = openRedisStore(config, { changed() {}, called() {}, warned() {} });
  try {
    await until('the store is up', () => store.up, upWithinMs);
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

export function storeUrl(text: string): StoreUrl {
  const url = parseStoreUrl(text);
  if (!url) throw new Error(`not a store URL: ${text}`);
  return url;
}
