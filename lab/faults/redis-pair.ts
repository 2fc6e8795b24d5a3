/** The fleet's Redis, the replica that may follow it, and what is counted in whichever of them leads. */

import type { Redis } from 'ioredis';
import { parsePodId } from '../../src/admission/ids.ts';
import { Keys } from '../../src/store/redis/keys.ts';
import { until } from '../fleet/processes.ts';
import { Wire } from '../fleet/wire.ts';
import { isInStep, type RedisServer, startRedis } from '../redis/server.ts';
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

  /** The first one's clock is so far ahead of the true one from now on; behind it, if less than 0. */
  stepClock(aheadMs: number): void {
    if (!this.#clock) throw new Error('this Redis has the clock of its machine');
    this.#clock.set(aheadMs);
  }

  /** The replica leads from now on. Resolves with its port. */
  async promoteReplica(): Promise<number> {
    if (!this.#replica) throw new Error('there is no replica');
    await this.#replica.client.replicaof('NO', 'ONE');
    this.#reader.disconnect();
    this.#reader = readerOf(this.#replica);
    return this.#replica.port;
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
