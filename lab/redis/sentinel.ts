/** A real master, its replica, and three Sentinels that watch them. */

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { lendFolder } from '../fleet/folder.ts';
import { freePort, until } from '../fleet/processes.ts';
import { isInStep, type RedisServer, type ServerTls, startRedis, startServer, tlsArgs } from './server.ts';

const SENTINELS = 3;
const DOWN_AFTER_MS = 500;

export interface Watched {
  /** For wsgate: `redis+sentinel://`, all three, and the master's name. */
  readonly url: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  /** Whether every Sentinel names the replica as the master: one after the other, some seconds after its promotion. */
  agree(): Promise<boolean>;
  /**
   * Commands that the Sentinels have refused, as their default user sees it, whose password is `correct-horse`; but not
   * what ioredis says of itself to Redis 7.2 and newer, and does without.
   */
  denied(): Promise<string[]>;
  stop(): Promise<void>;
}

/** `settings` are lines of the Sentinels' configuration. With `tls` nothing is said but over TLS. */
export async function startSentinels(settings: readonly string[] = [], tls?: ServerTls): Promise<Watched> {
  const startOne = async (...args: string[]) => {
    const server = await startRedis({ args, ...(tls ? { tls } : {}) });
    return { ...server, port: server.tlsPort || server.port };
  };
  const master = await startOne();
  const replica = await startOne('--replicaof', '127.0.0.1', String(master.port));
  const peers = await Promise.all(
    Array.from({ length: SENTINELS }, async () => ({ port: await freePort(), id: randomBytes(20).toString('hex') })),
  );
  const sentinels = await Promise.all(
    peers.map((self) => {
      const others = peers.filter((peer) => peer !== self);
      return startSentinel(self, [
        `sentinel monitor main 127.0.0.1 ${master.port} ${Math.ceil((SENTINELS + 1) / 2)}`,
        `sentinel down-after-milliseconds main ${DOWN_AFTER_MS}`,
        'sentinel failover-timeout main 3000',
        // What they would find out by themselves within some seconds.
        `sentinel known-replica main 127.0.0.1 ${replica.port}`,
        ...others.map(({ port, id }) => `sentinel known-sentinel main 127.0.0.1 ${port} ${id}`),
        ...settings,
        ...(tls ? tlsArgs(self.port, tls).join(' ').split(/ ?--/).slice(1) : [`port ${self.port}`]),
      ]);
    }),
  );
  await until('the replica is in step', () => isInStep(replica));
  return {
    url: `redis${tls ? 's' : ''}+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/main`,
    master,
    replica,
    async agree() {
      const named = sentinels.map(({ port }) => ask(port, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'main'));
      return (await Promise.all(named)).every((address) => String(address) === `127.0.0.1,${replica.port}`);
    },
    async denied() {
      const logs = sentinels.map(({ port }) => ask(port, 'ACL', 'LOG') as Promise<unknown[]>);
      const denied = (await Promise.all(logs)).flat().map(String);
      return denied.filter((entry) => !/reason,auth|client\|setinfo/.test(entry));
    },
    async stop() {
      await Promise.all([...sentinels, replica, master].map((server) => server.stop()));
    },
  };
}

/** As their default user. */
async function ask(port: number, command: string, ...args: string[]): Promise<unknown> {
  const client = new Redis({ port, protocol: 2, password: 'correct-horse' });
  try {
    return await client.call(command, ...args);
  } finally {
    client.disconnect();
  }
}

async function startSentinel({ port, id }: { port: number; id: string }, settings: readonly string[]) {
  const folder = lendFolder('sentinel');
  const file = join(folder.path, 'sentinel.conf');
  const lines = ['port 0', 'bind 127.0.0.1', `dir ${folder.path}`, `sentinel myid ${id}`, ...settings];
  writeFileSync(file, `${lines.join('\n')}\n`); // Sentinel writes into it what it learns
  const program = await startServer([file, '--sentinel'], {}, 'Sentinel ID is');
  return {
    port,
    async stop() {
      program.kill('SIGKILL');
      await program.ended;
      folder.remove();
    },
  };
}
