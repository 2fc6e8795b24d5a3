/** The fleet's Redis, the replica that may follow it, and what is counted in whichever of them leads. */

import type { Redis } from 'ioredis';
import { parsePodId } from '../../src/admission/ids.ts';
import { Keys } from '../../src/store/redis/keys.ts';
import { until } from '../fleet/processes.ts';
import { isInStep, type RedisServer, startRedis } from '../redis/server.ts';
import type { Network } from './network.ts';
import { OtherClock } from './other-clock.ts';

/** A Redis that hangs gives no answer. */
const ANSWER_MS = 300;

export interface RedisOptions {
  /** It writes a file, and reads it when it starts again. */
  readonly redisKeeps?: boolean;
  /** A second Redis follows the first. */
  readonly replica?: boolean;
  /** Its clock can be stepped. */
  readonly redisClock?: boolean;
}

export class RedisPair {
  readonly first: RedisServer;
  readonly #replica: RedisServer | undefined;
  readonly #network: Network;
  readonly #clock: OtherClock | undefined;
  readonly #keys = new Keys('ws:');
  #reader: Redis;

  private constructor(
    parts: { first: RedisServer; replica: RedisServer | undefined; clock: OtherClock | undefined },
    network: Network,
  ) {
    const { first, replica, clock } = parts;
    this.first = first;
    this.#replica = replica;
    this.#clock = clock;
    this.#network = network;
    this.#reader = readerOf(first);
  }

  static async start({ redisKeeps, replica, redisClock }: RedisOptions, network: Network): Promise<RedisPair> {
    const keeps = redisKeeps ? ['--appendonly', 'yes'] : [];
    const clock = redisClock ? await OtherClock.build() : undefined;
    const first = await startRedis({ args: keeps, ...(clock ? { env: clock.env } : {}) });
    const second = replica ? await follow(await network.wireReplica(first.port)) : undefined;
    return new RedisPair({ first, replica: second, clock }, network);
  }

  /** The first one's clock is so far ahead of the true one from now on; behind it, if less than 0. */
  stepClock(aheadMs: number): void {
    if (!this.#clock) throw new Error('this Redis has the clock of its machine');
    this.#clock.set(aheadMs);
  }

  /** The replica leads from now on: the gates reach it by their wires. */
  async promoteReplica(): Promise<void> {
    if (!this.#replica) throw new Error('there is no replica');
    await this.#replica.client.replicaof('NO', 'ONE');
    this.#reader.disconnect();
    this.#reader = readerOf(this.#replica);
    this.#network.leadRedisTo(this.#replica.port);
  }

  /** What is in the pod's set at this moment; undefined when Redis does not answer. */
  async leases(name: string): Promise<string[] | undefined> {
    const pod = parsePodId(name);
    if (!pod) throw new Error(`no pod id: ${name}`);
    try {
      return await this.#reader.zrange(this.#keys.pod(pod)[0], '0', '-1');
    } catch {
      return undefined;
    }
  }

  async stop(): Promise<void> {
    this.#reader.disconnect();
    await Promise.all([this.first.stop(), this.#replica?.stop()]);
    this.#clock?.remove();
  }
}

/** A Redis that follows the one at this port, once it is in step. */
async function follow(port: number): Promise<RedisServer> {
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(port)] });
  await until('the replica is in step', () => isInStep(replica), 20_000);
  return replica;
}

/** A client that gets an answer soon, or none. */
function readerOf({ client }: RedisServer): Redis {
  const reader = client.duplicate({
    commandTimeout: ANSWER_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => 20,
  });
  reader.on('error', () => {}); // a question without an answer says as much
  return reader;
}
