/**
 * Finds proxies that send Checks but no access log: nobody would ever tell that their connections closed, and their
 * slots would never be free.
 *
 * The sign of it: leases of the proxy are past their expiry, and no gate has had a log stream of it for two ttls; and two
 * ttls later that is still so, while the proxy goes on asking for more. A proxy that died does not ask.
 */

import type { Events } from './events.ts';
import type { ProxyId } from './ids.ts';

export class Unlogged {
  readonly #ttlMs: number;
  readonly #events: Events;
  /** Proxies with leases past their expiry: since when, and whether they are known to send no log. */
  readonly #waiting = new Map<ProxyId, { sinceMs: number; known: boolean }>();

  constructor(ttlMs: number, events: Events) {
    this.#ttlMs = ttlMs;
    this.#events = events;
  }

  *proxies(): Iterable<ProxyId> {
    for (const [proxy, { known }] of this.#waiting) if (known) yield proxy;
  }

  /** A pass of the reaper found leases past their expiry of exactly these proxies that log nowhere. */
  waiting(proxies: ReadonlySet<ProxyId>, nowMs: number): void {
    for (const proxy of proxies) {
      if (!this.#waiting.has(proxy)) this.#waiting.set(proxy, { sinceMs: nowMs, known: false });
    }
    for (const proxy of this.#waiting.keys()) if (!proxies.has(proxy)) this.#waiting.delete(proxy);
  }

  /** The proxy has asked for a lease. */
  asked(proxy: ProxyId, nowMs: number): void {
    const waiting = this.#waiting.get(proxy);
    if (!waiting || waiting.known || nowMs - waiting.sinceMs < 2 * this.#ttlMs) return;
    waiting.known = true;
    this.#events.emit('unlogged', proxy);
  }
}
