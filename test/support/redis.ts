/** What a test of the Redis store needs beside a redis-server. */

import { until } from '../../lab/fleet/processes.ts';
import { parseStoreUrl, type StoreUrl } from '../../src/config/store-url.ts';
import { openRedisStore } from '../../src/store/redis/open.ts';
import type { RedisStore } from '../../src/store/redis/store.ts';

export { type RedisServer, redisServer, startRedis } from '../../lab/fleet/redis.ts';

export interface ServerTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Options of redis-server for a port with TLS; replicas and Sentinels then use TLS among themselves. */
export function tlsArgs(port: number, { ca, cert, key }: ServerTls): string[] {
  const files = ['--tls-ca-cert-file', ca, '--tls-cert-file', cert, '--tls-key-file', key];
  return ['--tls-port', String(port), '--tls-auth-clients', 'no', '--tls-replication', 'yes', ...files];
}

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
