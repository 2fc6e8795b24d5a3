/** A real redis-server as a child of this process, with its data in a folder of its own. */

import { join } from 'node:path';
import { Redis } from 'ioredis';
import { lendFolder } from './folder.ts';
import { freePort, type Program, start, untilReady } from './processes.ts';

/** Another program, such as valkey-server, is to pass the same tests. */
export const redisServer = process.env.WSGATE_TEST_REDIS_SERVER || 'redis-server';

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly socket: string;
  /** To look at what is there. Its commands wait for a server that is away. */
  readonly client: Redis;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL: what is in no file is lost. */
  kill(): Promise<void>;
  /** Starts it where it was, with what is in its files, once it has ended. */
  again(): Promise<void>;
  /** Kills it for good: nothing is saved. */
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  readonly port?: number;
  /** Options of redis-server; without any it writes no file. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const folder = lendFolder('redis');
  const socket = join(folder.path, 'redis.sock');
  const address = ['--port', String(port), '--bind', '127.0.0.1', '--unixsocket', socket, '--dir', folder.path];
  const args = [...address, '--save', '', '--appendonly', 'no', ...(options.args ?? [])];
  const env = options.env ?? {};
  let program = await startServer(args, env);
  const client = new Redis({ path: socket, protocol: 2 });
  client.on('error', () => {}); // the server may be killed
  const kill = async () => {
    program.kill('SIGKILL');
    await program.ended;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    socket,
    client,
    signal: (name) => program.kill(name),
    kill,
    async again() {
      program = await startServer(args, env);
    },
    async stop() {
      client.disconnect();
      await kill();
      folder.remove();
    },
  };
}

async function startServer(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Program> {
  const program = await start({ name: 'redis-server', file: redisServer, args, env });
  await untilReady(program, async () => program.lines().some((line) => line.includes('Ready to accept connections')));
  return program;
}
