/**
 * How often proxies speak of each open connection, as measured from their access logs: Envoy's
 * `access_log_flush_interval`. A ttl must bear one lost entry: below two and a half intervals, leases of living
 * connections could pass their expiry. A recovery must be long enough for every connection to be spoken of and written
 * down: else others are admitted in the place of those that are not yet.
 */

import type { Events } from './events.ts';
import type { ProxyId } from './ids.ts';

const INTERVALS_PER_TTL = 2.5;
/** What a gate hears it writes within so long. */
const WRITTEN_MS = 1000;
/** Intervals measured before one is believed: delays make single ones too long, never too short. */
const SAMPLES = 5;

export interface Times {
  readonly ttlMs: number;
  /** 0: there is nothing to recover. */
  readonly recoveryMs: number;
}

export class FlushIntervals {
  readonly #times: Times;
  readonly #events: Events;
  readonly #measured = new Map<ProxyId, { shortestMs: number; samples: number }>();

  constructor(times: Times, events: Events) {
    this.#times = times;
    this.#events = events;
  }

  /** The time between two periodic entries of one connection. */
  measured(proxy: ProxyId, ms: number): void {
    const known = this.#measured.get(proxy);
    const shortestMs = Math.min(ms, known?.shortestMs ?? ms);
    const samples = (known?.samples ?? 0) + 1;
    this.#measured.set(proxy, { shortestMs, samples });
    if (samples === SAMPLES) this.#judge(proxy, shortestMs);
  }

  /** The proxy speaks here no longer. */
  forget(proxy: ProxyId): void {
    this.#measured.delete(proxy);
  }

  #judge(proxy: ProxyId, intervalMs: number): void {
    const { ttlMs, recoveryMs } = this.#times;
    const tooRare = (key: string, leastMs: number) =>
      void this.#events.emit('flushedTooRarely', proxy, intervalMs, key, leastMs);
    if (intervalMs * INTERVALS_PER_TTL > ttlMs) tooRare('lease.ttl', intervalMs * INTERVALS_PER_TTL);
    if (recoveryMs > 0 && intervalMs + WRITTEN_MS > recoveryMs) tooRare('lease.recovery', intervalMs + WRITTEN_MS);
  }
}
