/** A real redis-server that can be killed, and started again with what it had or without. */

import { Redis } from 'ioredis';
import type { PodId } from '../../src/admission/ids.ts';
import { Keys } from '../../src/store/redis/keys.ts';
import { type Folder, lendFolder } from '../fleet/folder.ts';
import { freePort, type Program, start, untilReady } from '../fleet/processes.ts';

/** The witness's question gets no answer from a Redis that hangs. */
const QUESTION_MS = 300;

export interface RedisOptions {
  /** Whether it writes a file, and reads it when it starts again. */
  readonly keeps?: boolean;
  /** The port of the one that it follows. */
  readonly follows?: number;
}

export class RedisNode {
  readonly port: number;
  readonly #options: RedisOptions;
  readonly #folder: Folder = lendFolder('redis');
  readonly #keys = new Keys('ws:');
  readonly #client: Redis;
  #program: Program | undefined;

  private constructor(port: number, options: RedisOptions) {
    this.port = port;
    this.#options = options;
    this.#client = new Redis({
      port,
      protocol: 2,
      lazyConnect: true,
      commandTimeout: QUESTION_MS,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      retryStrategy: () => 20,
    });
    this.#client.on('error', () => {}); // a question without an answer says as much
  }

  static async start(options: RedisOptions = {}): Promise<RedisNode> {
    const node = new RedisNode(await freePort(), options);
    await node.again();
    await node.#client.connect();
    return node;
  }

  /** Starts it, at first or again, on the same port. */
  async again(): Promise<void> {
    const { keeps = false, follows } = this.#options;
    const where = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder.path];
    const what = ['--save', '', '--appendonly', keeps ? 'yes' : 'no', '--repl-diskless-sync-delay', '0'];
    const whom = follows === undefined ? [] : ['--replicaof', '127.0.0.1', String(follows)];
    const program = await start({ name: 'redis-server', file: 'redis-server', args: [...where, ...what, ...whom] });
    const said = (words: string) => program.lines().some((line) => line.includes(words));
    const sign = follows === undefined ? 'Ready to accept connections' : 'Finished with success';
    await untilReady(program, async () => said(sign));
    this.#program = program;
  }

  signal(name: NodeJS.Signals): void {
    this.#program?.kill(name);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#program?.ended;
  }

  /** It follows nobody any more, and takes writes. */
  async promote(): Promise<void> {
    await this.#client.replicaof('NO', 'ONE');
  }

  /** What is in the set at this moment; undefined when it does not answer. */
  async leases(pod: PodId): Promise<string[] | undefined> {
    try {
      return await this.#client.zrange(this.#keys.pod(pod)[0], '0', '-1');
    } catch {
      return undefined;
    }
  }

  async stop(): Promise<void> {
    this.#client.disconnect();
    await this.kill();
    this.#folder.remove();
  }
}
