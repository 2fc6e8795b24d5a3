/**
 * How often proxies speak of each open connection, as measured from their access logs: Envoy's
 * `access_log_flush_interval`. A ttl must be long enough for one lost entry: below two and a half intervals, leases of
 * living connections could pass their expiry. A recovery must be long enough for every connection to be spoken of and
 * written down: else others are admitted in the place of those that are not yet.
 *
 * The shortest time is the interval. The longest of late tells what a proxy's silence is worth: where entries get lost,
 * or come late, a connection lives for longer without a word.
 */

import type { Events } from './events.ts';
import type { ProxyId } from './ids.ts';

const INTERVALS_PER_TTL = 2.5;
/** A gate writes what it hears within this time. */
const WRITTEN_MS = 1000;
/** So many intervals are measured before a warning: delays make single ones too long, never too short. */
const SAMPLES = 5;
/** Intervals measured before a proxy counts as one that renews its connections. */
const SAMPLES_TRUSTED = 3;
/** A gap that is longer than so many of the usual one, and some time for delays, is that of a lost entry. */
const MISSED = { times: 1.5, ms: 1000 };
/** So much nearer to each new interval comes what counts as usual: it follows most of them, and no single one. */
const NEARER = 1.05;
/** For so many ttls the longest interval is remembered, for twice as many at most. */
const REMEMBERED_TTLS = 10;

export interface Times {
  readonly ttlMs: number;
  /** 0: there is nothing to recover. */
  readonly recoveryMs: number;
}

interface Measured {
  readonly shortestMs: number;
  /** About the median. The shortest would not do: after a delay, one interval is too short. */
  readonly usualMs: number;
  /** Of this while, and of the one before. */
  readonly longestMs: number;
  readonly longestBeforeMs: number;
  readonly sinceMs: number;
  readonly samples: number;
}

export class FlushIntervals {
  readonly #times: Times;
  readonly #events: Events;
  readonly #measured = new Map<ProxyId, Measured>();

  constructor(times: Times, events: Events) {
    this.#times = times;
    this.#events = events;
  }

  /**
   * The time between two periodic entries of one connection, on one stream. Returns whether one between them got lost.
   */
  measured(proxy: ProxyId, ms: number, nowMs = performance.now()): boolean {
    const known = this.#measured.get(proxy) ?? fresh(ms, nowMs);
    const isOld = nowMs - known.sinceMs > REMEMBERED_TTLS * this.#times.ttlMs;
    const shortestMs = Math.min(ms, known.shortestMs);
    const samples = known.samples + 1;
    this.#measured.set(proxy, {
      shortestMs,
      usualMs: clamp(ms, known.usualMs / NEARER, known.usualMs * NEARER),
      longestMs: isOld ? ms : Math.max(ms, known.longestMs),
      longestBeforeMs: isOld ? known.longestMs : known.longestBeforeMs,
      sinceMs: isOld ? nowMs : known.sinceMs,
      samples,
    });
    if (samples === SAMPLES) this.#judge(proxy, shortestMs);
    return samples >= SAMPLES_TRUSTED && ms > MISSED.times * known.usualMs + MISSED.ms;
  }

  /** The longest time of late without a word of a connection that lived, ms; 0 while too little was measured. */
  longestMs(proxy: ProxyId): number {
    const known = this.#measured.get(proxy);
    if (known === undefined || known.samples < SAMPLES_TRUSTED) return 0;
    return Math.max(known.longestMs, known.longestBeforeMs);
  }

  /** Whether it has sent a periodic entry at all that another followed. */
  has(proxy: ProxyId): boolean {
    return this.#measured.has(proxy);
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

function fresh(ms: number, nowMs: number): Measured {
  return { shortestMs: ms, usualMs: ms, longestMs: ms, longestBeforeMs: 0, sinceMs: nowMs, samples: 0 };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
