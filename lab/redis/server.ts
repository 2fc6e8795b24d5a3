/** A real redis-server as a child of this process, with its data in a folder of its own. */

import { join } from 'node:path';
import { Redis } from 'ioredis';
import { lendFolder } from '../fleet/folder.ts';
import { freePort, type Program, start, untilReady } from '../fleet/processes.ts';

/** Another program, such as valkey-server, is to pass the same tests. */
const redisServer = process.env.WSGATE_TEST_REDIS_SERVER || 'redis-server';

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** 0 without TLS. */
  readonly tlsPort: number;
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

export interface ServerTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Whether its clients have to show certificates; `no` if not given. */
  readonly clients?: 'yes' | 'no';
}

export interface RedisServerOptions {
  readonly port?: number;
  /** Gives it a second port, with TLS. */
  readonly tls?: ServerTls;
  /** Options of redis-server; without any it writes no file. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const folder = lendFolder('redis');
  const socket = join(folder.path, 'redis.sock');
  const tlsPort = options.tls ? await freePort() : 0;
  const tls = options.tls ? tlsArgs(tlsPort, options.tls) : [];
  const address = ['--port', String(port), '--bind', '127.0.0.1', '--unixsocket', socket, '--dir', folder.path];
  const files = ['--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0']; // a replica is in step at once
  const args = [...address, ...files, ...tls, ...(options.args ?? [])];
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
    tlsPort,
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

/** redis-server, once it has logged that it is ready. */
export async function startServer(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  ready = 'Ready to accept connections',
): Promise<Program> {
  const program = await start({ name: 'redis-server', file: redisServer, args, env });
  await untilReady(program, async () => program.lines().some((line) => line.includes(ready)));
  return program;
}

/** Options of redis-server for a port with TLS; replicas and Sentinels then use TLS among themselves. */
export function tlsArgs(port: number, { ca, cert, key, clients = 'no' }: ServerTls): string[] {
  const files = ['--tls-ca-cert-file', ca, '--tls-cert-file', cert, '--tls-key-file', key];
  return ['--tls-port', String(port), '--tls-auth-clients', clients, '--tls-replication', 'yes', ...files];
}

/** Whether it is a replica that has all that its master has. */
export async function isInStep({ client }: RedisServer): Promise<boolean> {
  return (await client.info('replication')).includes('master_link_status:up');
}
