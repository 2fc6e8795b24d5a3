/**
 * Finds proxies that ask for slots and of whose connections no gate hears anything: not that they opened, live or closed.
 * The access log may be missing, or send nothing before an end. (`unlogged.ts` is surer of it, and takes minutes.)
 */

import type { Events } from './events.ts';
import type { ProxyId } from './ids.ts';

/** An Envoy with envoy/edge.yaml tells of a connection at its 101, and every 15 s. */
const HEARD_WITHIN_MS = 20_000;
/** Proxies that are kept in mind. A fleet with more of them has been told enough. */
const PROXIES_MAX = 10_000;

export class Unheard {
  readonly #events: Events;
  /** Store time, ms, at which each was first seen to ask; undefined once it was heard, or complained of. */
  readonly #sinceMs = new Map<ProxyId, number | undefined>();

  constructor(events: Events) {
    this.#events = events;
  }

  asked(proxy: ProxyId, nowMs: number): void {
    if (!this.#sinceMs.has(proxy) && this.#sinceMs.size < PROXIES_MAX) this.#sinceMs.set(proxy, nowMs);
  }

  /** Those of which something should have been heard by now. */
  due(nowMs: number): ProxyId[] {
    return [...this.#sinceMs].flatMap(([proxy, sinceMs]) =>
      sinceMs !== undefined && nowMs - sinceMs >= HEARD_WITHIN_MS ? [proxy] : [],
    );
  }

  /** Whether a gate hears of its connections, for one that was due. */
  settle(proxy: ProxyId, isHeard: boolean): void {
    this.#sinceMs.set(proxy, undefined);
    if (!isHeard) this.#events.emit('unheard', proxy);
  }
}
