/**
 * The connections for which the hold door has a stream open at this gate. For as long as it is open the connection lives,
 * and its lease is renewed; its end is the connection's end. Where it only broke, nobody knows: the lease goes on as one of
 * a proxy that does not renew.
 */

import { type LeaseId, type PodId, type ProxyId, proxyOf } from '../ids.ts';
import { tally } from '../tally.ts';
import type { Upgrade } from '../verdict.ts';
import type { Entries, Entry } from './entries.ts';
import type { Releases } from './releases.ts';

export interface Held extends Upgrade {
  /** As in a sighting. */
  readonly movedFrom?: PodId;
  /** Whether an earlier filter got the slot: so this gate only holds. */
  readonly isGiven?: boolean;
  /** Makes Envoy close the connection. `reason`: for its access log. */
  readonly close: (reason: string) => void;
}

/** Proxies that are known to have the hold door. Of further ones it may be said that nothing is heard of them. */
const PROXIES_MAX = 10_000;

/** How often within a ttl an open stream renews its lease. */
const RENEWED_PER_TTL = 4;

/** It may be so many times later, because others have their turn before it. */
const LATE_MAX = 2;

interface Holding {
  readonly hold: Held;
  /** Undefined where the ledger has no room for it. */
  entry: Entry | undefined;
  renewedAtMs: number;
  /** Resolves when its stream is over, to whether that is the end of the connection. */
  closing?: PromiseWithResolvers<boolean>;
}

export class Holds {
  readonly #entries: Entries;
  readonly #releases: Releases;
  readonly #everyMs: number;
  /** In the order in which they were renewed. */
  readonly #held = new Map<LeaseId, Holding>();
  readonly #proxies = new Set<ProxyId>();
  readonly #byProxy = new Map<ProxyId, number>();
  #turnAtMs = performance.now();

  constructor(entries: Entries, releases: Releases, { ttlMs }: { ttlMs: number }) {
    this.#entries = entries;
    this.#releases = releases;
    this.#everyMs = ttlMs / RENEWED_PER_TTL;
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

  /** How many streams are held of each. */
  get byProxy(): ReadonlyMap<ProxyId, number> {
    return this.#byProxy;
  }

  get(lease: LeaseId): Held | undefined {
    return this.#held.get(lease)?.hold;
  }

  /** Its stream is open, and the connection is admitted. A second stream for one lease takes the place of the first. */
  open(hold: Held): void {
    const { lease } = hold;
    this.usedBy(proxyOf(lease));
    const before = this.#held.get(lease);
    before?.closing?.resolve(false);
    if (!before) tally(this.#byProxy, proxyOf(lease), 1);
    this.#held.delete(lease); // it gets the last turn
    this.#held.set(lease, { hold, entry: this.#entries.hold(hold), renewedAtMs: performance.now() });
  }

  /**
   * The open streams have gone on until now: each renews its lease, some time before it expires, or puts it back. Streams
   * that were opened at once take turns, as many as bring all of them round in time: Checks would wait for all at once.
   */
  renew(nowMs: number): void {
    let turn = Math.ceil((this.#held.size * (nowMs - this.#turnAtMs)) / this.#everyMs);
    this.#turnAtMs = nowMs;
    for (const [lease, held] of this.#held) {
      const sinceMs = nowMs - held.renewedAtMs;
      if (sinceMs < this.#everyMs || (turn <= 0 && sinceMs < LATE_MAX * this.#everyMs)) return;
      turn -= 1;
      held.renewedAtMs = nowMs;
      held.entry = this.#entries.hold(held.hold);
      this.#held.delete(lease);
      this.#held.set(lease, held);
    }
  }

  /** Envoy ended the stream: the connection is closed. */
  ended(hold: Held): void {
    const { pod, lease, movedFrom, isGiven } = hold;
    const held = this.#take(hold, true);
    if (!held) return;
    // Another gate may hear the log of it: then the slot is that one's to use again, while the store is away.
    const isOurs = !isGiven || (held.entry !== undefined && this.#entries.isLogged(held.entry));
    this.#releases.ended({ pod, lease, movedFrom, isOurs });
  }

  /** The stream broke, or this gate stops: the connection may live on. */
  lost(hold: Held): void {
    const entry = this.#take(hold, false)?.entry;
    if (entry && this.#entries.isThere(entry)) this.#entries.letGo(entry);
  }

  /** The pod of a connection for which this gate holds a stream, as far as it knows; undefined when it holds none. */
  podOf(lease: LeaseId): PodId | undefined {
    const held = this.#held.get(lease);
    return held && (this.#entries.podsOf(lease)[0] ?? held.hold.pod);
  }

  /**
   * Makes Envoy close that connection. Resolves to whether it has, or to false when the stream breaks; undefined when this
   * gate holds no stream for it.
   */
  close(lease: LeaseId, reason: string): Promise<boolean> | undefined {
    const held = this.#held.get(lease);
    if (!held) return undefined;
    if (!held.closing) {
      held.closing = Promise.withResolvers();
      held.hold.close(reason);
    }
    return held.closing.promise;
  }

  #take(hold: Held, hasEnded: boolean) {
    const held = this.#held.get(hold.lease);
    if (held?.hold !== hold) return undefined;
    this.#held.delete(hold.lease);
    tally(this.#byProxy, proxyOf(hold.lease), -1);
    held.closing?.resolve(hasEnded);
    return held;
  }
}
