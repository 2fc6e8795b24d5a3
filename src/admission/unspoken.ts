/**
 * Upgrades that were asked for here and of which no log has spoken yet: each may be a connection. One of which nothing is
 * said for as long as its slot is reserved counts as none; its log may go to another gate.
 */

import { type LeaseId, type PodId, type ProxyId, proxyOf } from './ids.ts';
import { Tally } from './tally.ts';

/** In a flood of upgrades beyond it, the oldest of them count as none. */
const LEASES_MAX = 100_000;

interface Asked {
  readonly pod: PodId;
  readonly untilMs: number;
}

export class Unspoken {
  readonly #forMs: number;
  /** In the order in which they were asked for. */
  readonly #asked = new Map<LeaseId, Asked>();
  readonly #pods = new Tally<PodId>();
  readonly #proxies = new Tally<ProxyId>();

  constructor(forMs: number) {
    this.#forMs = forMs;
  }

  add(pod: PodId, lease: LeaseId): void {
    this.remove(lease); // to the end of the order
    this.#asked.set(lease, { pod, untilMs: performance.now() + this.#forMs });
    this.#pods.add(pod);
    this.#proxies.add(proxyOf(lease));
    this.#forget();
  }

  /** The log has spoken of it, or it was denied. */
  remove(lease: LeaseId): void {
    const asked = this.#asked.get(lease);
    if (!asked) return;
    this.#asked.delete(lease);
    this.#pods.remove(asked.pod);
    this.#proxies.remove(proxyOf(lease));
  }

  holdsPod(pod: PodId): boolean {
    this.#forget();
    return this.#pods.has(pod);
  }

  holdsProxy(proxy: ProxyId): boolean {
    this.#forget();
    return this.#proxies.has(proxy);
  }

  #forget(): void {
    const nowMs = performance.now();
    for (const [lease, { untilMs }] of this.#asked) {
      if (untilMs > nowMs && this.#asked.size <= LEASES_MAX) return;
      this.remove(lease);
    }
  }
}
