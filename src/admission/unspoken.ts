/**
 * Upgrades that were asked for here and of which no log has spoken yet: each may be a connection. When nothing is said of
 * one for as long as its slot is reserved, it is forgotten; its log may go to another gate.
 */

import { Holdings } from './holdings.ts';
import type { LeaseId, PodId, ProxyId, Where } from './ids.ts';

/** Maximum number of upgrades. In a flood, the oldest are forgotten. */
const LEASES_MAX = 100_000;

interface Asked {
  readonly pod: Where;
  readonly untilMs: number;
}

export class Unspoken {
  readonly #forMs: number;
  /** In the order in which they were asked for. */
  readonly #asked = new Map<LeaseId, Asked>();
  readonly #holdings = new Holdings();

  constructor(forMs: number) {
    this.#forMs = forMs;
  }

  add(pod: Where, lease: LeaseId): void {
    this.remove(lease); // to the end of the order
    this.#asked.set(lease, { pod, untilMs: performance.now() + this.#forMs });
    this.#holdings.add(pod, lease);
    this.#forget();
  }

  /** The log has spoken of it, or it was denied. */
  remove(lease: LeaseId): void {
    const asked = this.#asked.get(lease);
    if (!asked) return;
    this.#asked.delete(lease);
    this.#holdings.remove(asked.pod, lease);
  }

  holdsPod(pod: PodId): boolean {
    this.#forget();
    return this.#holdings.holdsPod(pod);
  }

  holdsProxy(proxy: ProxyId): boolean {
    this.#forget();
    return this.#holdings.holdsProxy(proxy);
  }

  #forget(): void {
    const nowMs = performance.now();
    for (const [lease, { untilMs }] of this.#asked) {
      if (untilMs > nowMs && this.#asked.size <= LEASES_MAX) return;
      this.remove(lease);
    }
  }
}
