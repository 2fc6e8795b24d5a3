/**
 * Whether the store's counts can be trusted. A store that has lost leases, or is new, knows too few of the connections
 * that are open, and would admit others in their place. So it is not asked until every proxy has had the time to speak
 * of its connections: a flush interval of their access logs, and some more. Meanwhile it is written to, and upgrades
 * are decided as without a store (`outage.ts`).
 *
 * That time begins when the last of the gates is back that there were before: what proxies tell a gate that has not
 * found the store yet stays there. A gate that does not come back is waited for a ttl; by then its proxies speak to
 * another, as they have to for their leases to be renewed.
 *
 * The heartbeat tells since when the store has lost nothing. Until the first one after an outage is answered, nothing
 * is known.
 */

import type { Events } from './events.ts';
import type { KnownBefore, RollCall } from './lease-store.ts';

export interface RecoveryOptions {
  /** 0: there can be no connections from before. */
  readonly forMs: number;
  readonly ttlMs: number;
}

export class Recovery {
  readonly #forMs: number;
  readonly #awaitMs: number;
  readonly #events: Events;
  #gates = 0;
  #gatesAtMs = 0;
  #gatesAwaited = 0;
  #wholeSinceMs: number | undefined;
  /** On this process's own clock; undefined while it is not known. */
  #overAtMs: number | undefined;

  constructor({ forMs, ttlMs }: RecoveryOptions, events: Events) {
    this.#forMs = forMs;
    this.#awaitMs = forMs === 0 ? 0 : Math.max(forMs, ttlMs);
    this.#events = events;
    events.on('storeChanged', (up) => {
      if (up) this.#gatesAtMs = performance.now();
      else this.#overAtMs = undefined;
    });
  }

  /** Whether the store has said since when it is whole. */
  get known(): boolean {
    return this.#overAtMs !== undefined;
  }

  /** Whether the store's counts are the truth, as far as anybody can tell. */
  get over(): boolean {
    return this.#overAtMs !== undefined && performance.now() >= this.#overAtMs;
  }

  get leftMs(): number {
    return this.#overAtMs === undefined ? this.#forMs : Math.max(0, Math.ceil(this.#overAtMs - performance.now()));
  }

  /**
   * How many gates there are, this one included; 0 when nothing is known. The most of the last ttl: one that is cut off,
   * or that comes back later than the others after an outage, still has its proxies.
   */
  get gates(): number {
    return this.#gates;
  }

  /** Gates that have not come back to a store that lost leases. */
  get gatesAwaited(): number {
    return this.#gatesAwaited;
  }

  /** For the next heartbeat. */
  get before(): KnownBefore {
    return { gates: this.#gates, wholeSinceMs: this.#wholeSinceMs ?? 0, awaitMs: this.#awaitMs };
  }

  /** A heartbeat was answered. */
  heard(answer: Pick<RollCall, 'timeMs' | 'wholeSinceMs' | 'gates' | 'gatesAwaited' | 'gatesBackMs'>): void {
    const { timeMs, wholeSinceMs, gates, gatesAwaited, gatesBackMs } = answer;
    const awaitedUntilMs = gatesAwaited > 0 ? wholeSinceMs + this.#awaitMs : 0;
    const leftMs = Math.max(0, gatesBackMs + this.#forMs - timeMs, awaitedUntilMs - timeMs);
    this.#overAtMs = performance.now() + leftMs;
    this.#gatesAwaited = gatesAwaited;
    if (leftMs === 0) this.#count(gates);
    if (wholeSinceMs === this.#wholeSinceMs) return;
    this.#wholeSinceMs = wholeSinceMs;
    this.#events.emit('storeLost', leftMs);
  }

  #count(gates: number): void {
    const nowMs = performance.now();
    if (gates < this.#gates && nowMs - this.#gatesAtMs < this.#awaitMs) return;
    this.#gates = gates;
    this.#gatesAtMs = nowMs;
  }
}
