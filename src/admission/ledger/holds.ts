/**
 * The connections for which the hold door has a stream open at this gate. For as long as it is open the connection lives,
 * and its lease is renewed; its end is the connection's end. Where it only broke, nobody knows: the lease goes on as one of
 * a proxy that does not renew.
 */

import { type LeaseId, type PodId, type ProxyId, proxyOf } from '../ids.ts';
import type { Entries, Entry } from './entries.ts';
import type { Releases } from './releases.ts';

export interface Held {
  readonly pod: PodId;
  readonly lease: LeaseId;
  /** The request's path, without its query. */
  readonly path: string;
  /** Makes Envoy close the connection. `reason`: for its access log. */
  readonly close: (reason: string) => void;
}

/** Proxies that are known to have the hold door. Of further ones it may be said that nothing is heard of them. */
const PROXIES_MAX = 10_000;

interface Holding {
  readonly hold: Held;
  /** Undefined where the ledger has no room for it. */
  readonly entry: Entry | undefined;
  /** Resolves when its stream is over. */
  closing?: PromiseWithResolvers<void>;
}

export class Holds {
  readonly #entries: Entries;
  readonly #releases: Releases;
  readonly #held = new Map<LeaseId, Holding>();
  readonly #proxies = new Set<ProxyId>();

  constructor(entries: Entries, releases: Releases) {
    this.#entries = entries;
    this.#releases = releases;
  }

  get size(): number {
    return this.#held.size;
  }

  /** This proxy has the hold door: it tells of its connections by streams. */
  usedBy(proxy: ProxyId): void {
    if (this.#proxies.size < PROXIES_MAX) this.#proxies.add(proxy);
  }

  areUsedBy(proxy: ProxyId): boolean {
    return this.#proxies.has(proxy);
  }

  /** Its stream is open, and the connection is admitted. A second stream for one lease takes the place of the first. */
  open(hold: Held): void {
    const { pod, lease, path } = hold;
    this.usedBy(proxyOf(lease));
    this.#held.get(lease)?.closing?.resolve();
    this.#held.set(lease, { hold, entry: this.#entries.hold({ pod, lease, path }) });
  }

  /** Envoy ended the stream: the connection is closed. */
  ended(hold: Held): void {
    if (this.#take(hold)) this.#releases.ended(hold.pod, hold.lease);
  }

  /** The stream broke, or this gate stops: the connection may live on. */
  lost(hold: Held): void {
    const entry = this.#take(hold)?.entry;
    if (entry && this.#entries.isThere(entry)) this.#entries.letGo(entry);
  }

  /** Makes Envoy close that connection. Resolves when it has; undefined when this gate holds no stream for it. */
  close(pod: PodId, lease: LeaseId, reason: string): Promise<void> | undefined {
    const held = this.#held.get(lease);
    if (held?.hold.pod !== pod) return undefined;
    if (!held.closing) {
      held.closing = Promise.withResolvers();
      held.hold.close(reason);
    }
    return held.closing.promise;
  }

  #take(hold: Held) {
    const held = this.#held.get(hold.lease);
    if (held?.hold !== hold) return undefined;
    this.#held.delete(hold.lease);
    held.closing?.resolve();
    return held;
  }
}
