/**
 * Finds proxies that send Checks but no access log: nobody would ever tell that their connections closed, and their
 * slots would never be free.
 *
 * The sign of it: leases of the proxy are past their expiry, which no gate has renewed or taken; and a ttl later they
 * still are, while the proxy goes on asking for more. A proxy that logs to another gate does not show it, because that
 * gate renews or takes its leases; a proxy that died does not ask.
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

  /** A pass of the reaper found leases of exactly these proxies past their expiry. */
  waiting(proxies: ReadonlySet<ProxyId>, nowMs: number): void {
    for (const proxy of proxies) {
      if (!this.#waiting.has(proxy)) this.#waiting.set(proxy, { sinceMs: nowMs, known: false });
    }
    for (const proxy of this.#waiting.keys()) if (!proxies.has(proxy)) this.#waiting.delete(proxy);
  }

  /** The proxy has asked for a lease. */
  asked(proxy: ProxyId, nowMs: number): void {
    const waiting = this.#waiting.get(proxy);
    if (!waiting || waiting.known || nowMs - waiting.sinceMs < this.#ttlMs) return;
    waiting.known = true;
    this.#events.emit('unlogged', proxy);
  }
}
