/**
 * How often proxies speak of each open connection, as measured from their access logs: Envoy's
 * `access_log_flush_interval`. A ttl must bear one lost entry: below two and a half intervals, leases of living
 * connections could pass their expiry.
 */

import type { Events } from './events.ts';
import type { ProxyId } from './ids.ts';

const INTERVALS_PER_TTL = 2.5;
/** Intervals measured before one is believed: delays make single ones too long, never too short. */
const SAMPLES = 5;

export class FlushIntervals {
  readonly #ttlMs: number;
  readonly #events: Events;
  readonly #measured = new Map<ProxyId, { shortestMs: number; samples: number }>();

  constructor(ttlMs: number, events: Events) {
    this.#ttlMs = ttlMs;
    this.#events = events;
  }

  /** The time between two periodic entries of one connection. */
  measured(proxy: ProxyId, ms: number): void {
    const known = this.#measured.get(proxy);
    const shortestMs = Math.min(ms, known?.shortestMs ?? ms);
    const samples = (known?.samples ?? 0) + 1;
    this.#measured.set(proxy, { shortestMs, samples });
    if (samples === SAMPLES && shortestMs * INTERVALS_PER_TTL > this.#ttlMs) {
      this.#events.emit('flushedTooRarely', proxy, shortestMs);
    }
  }

  /** The proxy speaks here no longer. */
  forget(proxy: ProxyId): void {
    this.#measured.delete(proxy);
  }
}
