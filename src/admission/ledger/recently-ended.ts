/**
 * The leases that ended within the last while, so that a late or repeated word of one does not bring it back, and a
 * store that has lost the release is told again. A stream's identity never comes again, so nothing true is ever held
 * back.
 */

import type { LeaseId, Where } from '../ids.ts';

/** Of two generations, the older one is thrown away: a lease is remembered for `forMs` at least, twice that at most. */
export class RecentlyEnded {
  readonly #forMs: number;
  readonly #max: number;
  #young = new Map<LeaseId, Where>();
  #old = new Map<LeaseId, Where>();
  #youngSinceMs = 0;

  /** Remembers at least the last `max` of them, at most twice as many. */
  constructor(forMs: number, max: number) {
    this.#forMs = forMs;
    this.#max = max;
  }

  add(pod: Where, lease: LeaseId, nowMs: number): void {
    if (nowMs - this.#youngSinceMs > this.#forMs || this.#young.size >= this.#max) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngSinceMs = nowMs;
    }
    this.#young.set(lease, pod);
  }

  has(lease: LeaseId): boolean {
    return this.#young.has(lease) || this.#old.has(lease);
  }

  *[Symbol.iterator](): Iterator<readonly [LeaseId, Where]> {
    yield* this.#old;
    yield* this.#young;
  }
}
