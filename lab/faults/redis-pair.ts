/** The fleet's Redis, its replica if there is one, and the leases in whichever of them is the master. */

import type { Redis } from 'ioredis';
import { parsePodId } from '../../src/admission/ids.ts';
import { Keys } from '../../src/store/redis/keys.ts';
import { until } from '../fleet/processes.ts';
import { Wire } from '../fleet/wire.ts';
import { isInStep, type RedisServer, startRedis } from '../redis/server.ts';
import { OtherClock } from './other-clock.ts';

/** After so long without an answer, Redis counts as away. */
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
  readonly #keys = new Keys('ws:');
  #replica: RedisServer | undefined;
  #replicaWire: Wire | undefined;
  readonly #clock: OtherClock | undefined;
  #reader: Redis;

  private constructor(first: RedisServer, clock: OtherClock | undefined) {
    this.first = first;
    this.#clock = clock;
    this.#reader = readerOf(first);
  }

  static async start({ redisKeeps, replica, redisClock }: RedisOptions): Promise<RedisPair> {
    const clock = redisClock ? await OtherClock.build() : undefined;
    const args = redisKeeps ? ['--appendonly', 'yes'] : [];
    const pair = new RedisPair(await startRedis({ args, ...(clock ? { env: clock.env } : {}) }), clock);
    if (replica) await pair.#follow();
    return pair;
  }

  /** A replica follows the first one by a wire, and is in step with it. */
  async #follow(): Promise<void> {
    const wire = await Wire.to(this.first.port);
    const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(wire.port)] });
    this.#replicaWire = wire;
    this.#replica = replica;
    await until('the replica is in step', () => isInStep(replica), 20_000);
  }

  cutReplica(): void {
    this.#replicaWire?.cut();
  }

  /** From now on the first one's clock is the machine's plus so many milliseconds. */
  stepClock(aheadMs: number): void {
    if (!this.#clock) throw new Error('this Redis has the clock of its machine');
    this.#clock.set(aheadMs);
  }

  /** Makes the replica the master. Resolves with its port. */
  async promoteReplica(): Promise<number> {
    if (!this.#replica) throw new Error('there is no replica');
    await this.#replica.client.replicaof('NO', 'ONE');
    this.#reader.disconnect();
    this.#reader = readerOf(this.#replica);
    return this.#replica.port;
  }

  /** The members of the pod's set; undefined when Redis does not answer. */
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
    this.#replicaWire?.stop();
    await Promise.all([this.first.stop(), this.#replica?.stop()]);
    this.#clock?.remove();
  }
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
