/** A real redis-server for a test, on a free port, with its data in a folder of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { parseStoreUrl, type StoreUrl } from '../../src/config/store-url.ts';

export interface RedisServer {
  readonly url: string;
  readonly socket: string;
  readonly process: ChildProcess;
  /** A client of the test's own, to look at what is there. */
  readonly client: Redis;
  signal(name: NodeJS.Signals): void;
  stop(): Promise<void>;
}

export async function startRedis(options: { args?: readonly string[]; port?: number } = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const folder = mkdtempSync(join(tmpdir(), 'wsgate-redis-'));
  const socket = join(folder, 'redis.sock');
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--unixsocket', socket, '--dir', folder];
  const child = spawn('redis-server', [...args, '--save', '', '--appendonly', 'no', ...(options.args ?? [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
    child.stdout.on('data', (text: Buffer) => text.includes('Ready to accept connections') && resolve());
  });
  const client = new Redis({ path: socket, protocol: 2 });
  client.on('error', () => {}); // the server may be killed by its test
  return {
    url: `redis://127.0.0.1:${port}`,
    socket,
    process: child,
    client,
    signal: (name) => void child.kill(name),
    async stop() {
      client.disconnect();
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function storeUrl(text: string): StoreUrl {
  const url = parseStoreUrl(text);
  if (!url) throw new Error(`not a store URL: ${text}`);
  return url;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
