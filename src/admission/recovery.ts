/**
 * Whether the store's counts can be trusted. A store that has lost leases, or is new, knows too few of the connections
 * that are open, and would admit others in their place. So it is not asked until every proxy has had the time to speak
 * of its connections: a flush interval of their access logs, and some more. Meanwhile it is written to, and upgrades
 * are decided as without a store (`outage.ts`).
 *
 * The heartbeat tells since when the store has lost nothing. Until the first one after an outage is answered, nothing
 * is known.
 */

import type { Events } from './events.ts';
import type { RollCall } from './lease-store.ts';

export class Recovery {
  readonly #forMs: number;
  readonly #events: Events;
  #wholeSinceMs: number | undefined;
  /** On this process's own clock; undefined while it is not known. */
  #overAtMs: number | undefined;

  constructor(forMs: number, events: Events) {
    this.#forMs = forMs;
    this.#events = events;
    events.on('storeChanged', (up) => {
      if (!up) this.#overAtMs = undefined;
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

  /** A heartbeat was answered. */
  heard({ timeMs, wholeSinceMs }: Pick<RollCall, 'timeMs' | 'wholeSinceMs'>): void {
    const leftMs = Math.max(0, wholeSinceMs + this.#forMs - timeMs);
    this.#overAtMs = performance.now() + leftMs;
    if (wholeSinceMs === this.#wholeSinceMs) return;
    this.#wholeSinceMs = wholeSinceMs;
    this.#events.emit('storeLost', leftMs);
  }
}
