/**
 * Acquires that arrive in one turn of the event loop go out as one script call for each pod. A call costs this process
 * and Redis far more than a lease in it: under load this is what a Check costs Redis.
 */

import { type LeaseId, type PodId, proxyOf } from '../../admission/ids.ts';
import type { Acquired, Answer } from '../../admission/lease-store.ts';

/** The most leases that one call asks for, so that no script holds Redis for long. */
const LEASES_PER_CALL = 500;

interface Asked {
  readonly lease: LeaseId;
  readonly info: string;
  readonly resolve: (answer: Answer<Acquired>) => void;
}

/** Of one pod. Its first lease's arguments stand in the order of `acquire.lua`. */
interface Batch {
  readonly limit: number;
  readonly reserveMs: number;
  readonly asked: Asked[];
}

/** Runs `acquire.lua` for a pod with these arguments. */
type Run = (pod: PodId, args: readonly (string | number)[]) => Promise<Answer<unknown>>;

export class Acquires {
  readonly #run: Run;
  readonly #batches = new Map<PodId, Batch>();
  #scheduled = false;

  constructor(run: Run) {
    this.#run = run;
  }

  acquire(pod: PodId, lease: LeaseId, limit: number, reserveMs: number, info: string): Promise<Answer<Acquired>> {
    return new Promise((resolve) => {
      this.#batch(pod, limit, reserveMs).asked.push({ lease, info, resolve });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        for (const waiting of this.#batches.keys()) this.send(waiting);
      });
    });
  }

  /** Sends what waits for a pod, before anything that must not overtake it. */
  send(pod: PodId): void {
    const batch = this.#batches.get(pod);
    if (!batch) return;
    this.#batches.delete(pod);
    void this.#send(pod, batch);
  }

  #batch(pod: PodId, limit: number, reserveMs: number): Batch {
    const waiting = this.#batches.get(pod);
    if (waiting?.limit === limit && waiting.reserveMs === reserveMs && waiting.asked.length < LEASES_PER_CALL) {
      return waiting;
    }
    this.send(pod);
    const batch = { limit, reserveMs, asked: [] };
    this.#batches.set(pod, batch);
    return batch;
  }

  async #send(pod: PodId, { limit, reserveMs, asked }: Batch): Promise<void> {
    const [first, ...others] = asked;
    if (!first) return;
    const args: (string | number)[] = [limit, first.lease, proxyOf(first.lease), reserveMs, first.info];
    for (const { lease, info } of others) args.push(lease, proxyOf(lease), info);
    const answer = await this.#run(pod, args);
    // Of one lease: {admitted, count, a word}; of several: {admitted, count, admitted, count, …}.
    const reply = answer.ok ? (answer.value as (number | string)[]) : [];
    asked.forEach(({ resolve }, i) => {
      const ended = reply[2 * i] === -1 ? ({ ended: true } as const) : {};
      const acquired = { admitted: reply[2 * i] === 1, count: Number(reply[2 * i + 1]), ...ended };
      resolve(answer.ok ? { ok: true, value: acquired } : answer);
    });
  }
}
