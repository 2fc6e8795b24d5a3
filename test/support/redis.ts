/** A real redis-server for a test, on a free port, with its data in a folder of its own. */

import { join } from 'node:path';
import { Redis } from 'ioredis';
import { lendFolder } from '../../scripts/fleet/folder.ts';
import { freePort, start, until, untilReady } from '../../scripts/fleet/processes.ts';
import { parseStoreUrl, type StoreUrl } from '../../src/config/store-url.ts';
import { createRedis } from '../../src/store/redis/client.ts';
import { RedisLink } from '../../src/store/redis/link.ts';
import { RedisStore } from '../../src/store/redis/store.ts';

/** Another program, such as valkey-server, is to pass the same tests. */
export const redisServer = process.env.WSGATE_TEST_REDIS_SERVER || 'redis-server';

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly socket: string;
  /** A client of the test's own, to look at what is there. */
  readonly client: Redis;
  signal(name: NodeJS.Signals): void;
  /** Kills it: nothing is saved. */
  stop(): Promise<void>;
}

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

/** `args` are options of redis-server. */
export async function startRedis(options: { port?: number; args?: readonly string[] } = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const folder = lendFolder('redis');
  const socket = join(folder.path, 'redis.sock');
  const address = ['--port', String(port), '--bind', '127.0.0.1', '--unixsocket', socket, '--dir', folder.path];
  const args = [...address, '--save', '', '--appendonly', 'no', ...(options.args ?? [])];
  const program = await start({ name: 'redis-server', file: redisServer, args });
  await untilReady(program, async () => program.lines().some((line) => line.includes('Ready to accept connections')));
  const client = new Redis({ path: socket, protocol: 2 });
  client.on('error', () => {}); // its test may kill the server
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    socket,
    client,
    signal: program.kill,
    async stop() {
      client.disconnect();
      program.kill('SIGKILL');
      await program.ended;
      folder.remove();
    },
  };
}

/** A store on a Redis, once it is up. */
export async function openStore(
  url: string,
  options: { deadlineMs?: number; info?: boolean; upWithinMs?: number } = {},
): Promise<RedisStore> {
  const { deadlineMs = 2000, info = true, upWithinMs = 5000 } = options;
  const link = new RedisLink(createRedis(storeUrl(url), deadlineMs, undefined), deadlineMs, {
    changed() {},
    called() {},
    warned() {},
  });
  const store = new RedisStore(link, { prefix: 'ws:', info });
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
