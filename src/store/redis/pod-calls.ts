/**
 * The calls for one pod, in order: every script over a pod's keys goes through here, so that none overtakes another.
 *
 * Acquires of one turn of the event loop wait for each other, and go out as one call for each pod. A call costs this
 * process and Redis far more than a lease in it: under load this is what a Check costs Redis. Any other call of the pod
 * sends what waits before itself.
 *
 * One Redis carries calls out in the order in which they were sent. A Redis Cluster may not, while a slot moves; there a
 * call that takes leases out waits for the answers to those that add some, or an add that comes late would bring them
 * back.
 */

import type { Claims } from '../../admission/claims.ts';
import { type LeaseId, type PodId, proxyOf } from '../../admission/ids.ts';
import type { Acquired, Answer } from '../../admission/lease-store.ts';
import type { RedisLink } from '../../redis/link.ts';
import type { Script } from '../../redis/script.ts';
import type { Keys } from './keys.ts';
import { scripts } from './scripts.ts';

type Args = readonly (string | number)[];

/** The maximum number of leases in one acquire, so that no script holds Redis for long. */
const LEASES_PER_CALL = 500;

interface Asked {
  readonly lease: LeaseId;
  readonly info: string;
  readonly resolve: (answer: Answer<Acquired>) => void;
}

/** Acquires of one pod that wait to be sent. */
interface Batch {
  readonly limit: number;
  readonly reserveMs: number;
  readonly asked: Asked[];
}

export class PodCalls {
  readonly #link: RedisLink;
  readonly #keys: Keys;
  readonly #batches = new Map<PodId, Batch>();
  #scheduled = false;
  /** In a cluster: for each pod the calls that add leases to it, until they are answered. */
  readonly #adding = new Map<PodId, Set<Promise<unknown>>>();
  /** Calls that change something, until they are answered. */
  readonly #writing = new Set<Promise<unknown>>();

  constructor(link: RedisLink, keys: Keys) {
    this.#link = link;
    this.#keys = keys;
  }

  acquire([{ pod, limit }]: Claims, lease: LeaseId, reserveMs: number, info: string): Promise<Answer<Acquired>> {
    const answer = new Promise<Answer<Acquired>>((resolve) => {
      this.#batch(pod, limit, reserveMs).asked.push({ lease, info, resolve });
    });
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        for (const waiting of this.#batches.keys()) this.#sendBatch(waiting);
      });
    }
    return this.writing(answer);
  }

  /** A call that adds leases. */
  add(script: Script, pod: PodId, args: Args): Promise<Answer<unknown>> {
    return this.writing(this.#add(pod, this.run(script, pod, args)));
  }

  /** A call that takes leases out. */
  take(script: Script, pod: PodId, args: Args): Promise<Answer<unknown>> {
    return this.writing(this.#take(script, pod, args));
  }

  /** Any other. */
  run(script: Script, pod: PodId, args: Args): Promise<Answer<unknown>> {
    this.#sendBatch(pod);
    return this.#link.run(script, this.#keys.pod(pod), args);
  }

  /** `answered` waits for this work, too: it changes something in several calls. */
  async writing<T>(work: Promise<T>): Promise<T> {
    this.#writing.add(work);
    const answer = await work;
    this.#writing.delete(work);
    return answer;
  }

  /** Resolves when all that changes something and was asked for before has been answered. */
  async answered(): Promise<void> {
    await Promise.all(this.#writing);
  }

  async #take(script: Script, pod: PodId, args: Args): Promise<Answer<unknown>> {
    this.#sendBatch(pod);
    if (!this.#link.isOneNode) await Promise.all(this.#adding.get(pod) ?? []);
    return this.run(script, pod, args);
  }

  async #add(pod: PodId, call: Promise<Answer<unknown>>): Promise<Answer<unknown>> {
    if (this.#link.isOneNode) return call;
    const calls = this.#adding.get(pod) ?? new Set();
    this.#adding.set(pod, calls.add(call));
    const answer = await call;
    calls.delete(call);
    if (calls.size === 0 && this.#adding.get(pod) === calls) this.#adding.delete(pod);
    return answer;
  }

  #batch(pod: PodId, limit: number, reserveMs: number): Batch {
    const waiting = this.#batches.get(pod);
    if (waiting?.limit === limit && waiting.reserveMs === reserveMs && waiting.asked.length < LEASES_PER_CALL) {
      return waiting;
    }
    this.#sendBatch(pod);
    const batch = { limit, reserveMs, asked: [] };
    this.#batches.set(pod, batch);
    return batch;
  }

  #sendBatch(pod: PodId): void {
    const batch = this.#batches.get(pod);
    if (!batch) return;
    this.#batches.delete(pod);
    void this.#send(pod, batch);
  }

  async #send(pod: PodId, { limit, reserveMs, asked }: Batch): Promise<void> {
    const [first, ...others] = asked;
    if (!first) return;
    const args: (string | number)[] = [limit, first.lease, proxyOf(first.lease), reserveMs, first.info];
    for (const { lease, info } of others) args.push(lease, proxyOf(lease), info);
    const answer = await this.#add(pod, this.#link.run(scripts.acquire, this.#keys.pod(pod), args));
    // Of one lease: {admitted, count, a word}; of several: {admitted, count, admitted, count, …}.
    const reply = answer.ok ? (answer.value as (number | string)[]) : [];
    asked.forEach(({ resolve }, i) => {
      const ended = reply[2 * i] === -1 ? ({ ended: true } as const) : {};
      const acquired = { admitted: reply[2 * i] === 1, count: Number(reply[2 * i + 1]), ...ended };
      resolve(answer.ok ? { ok: true, value: acquired } : answer);
    });
  }
}
