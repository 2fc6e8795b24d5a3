/**
 * The ledger: the connections that this gate's own proxies hold, as their access logs tell it, and what of that the
 * store has still to be told.
 *
 * Each sighting of an open connection makes its lease due; once a second all that is due is renewed, a call per pod;
 * what the store could not be told stays due. An end makes a release, which goes out at once.
 *
 * An entry belongs to the log stream that last spoke of it. When that stream breaks the entry goes with it: the next
 * sighting, here or at another gate, brings the connection back. An entry that nothing speaks of for a ttl has lost its
 * end, and goes too. So whatever is in the ledger is open now, and all of it is written again when the store comes
 * back or turns out to have lost leases.
 */

import { chunks } from './chunks.ts';
import type { Events, ReleaseCause } from './events.ts';
import { type LeaseId, type PodId, type ProxyId, proxyOf } from './ids.ts';
import type { LeaseState, LeaseStore } from './lease-store.ts';
import type { Presence } from './presence.ts';
import { RecentlyEnded } from './recently-ended.ts';
import { ReleaseQueue } from './release-queue.ts';

/** The most leases that one call writes, so that no script holds the store for long. */
const LEASES_PER_CALL = 1000;
/** Pods that are written at the same time. */
const PODS_AT_ONCE = 50;
const FLUSH_MS = 1000;

/** One access log stream of one proxy: Envoy has one for each of its worker threads. */
export interface LogStream {
  readonly proxy: ProxyId;
  readonly entries: Set<Entry>;
}

interface Entry {
  readonly pod: PodId;
  readonly lease: LeaseId;
  readonly path: string;
  state: LeaseState;
  stream: LogStream;
  heardAtMs: number;
  /** Whether the store has this entry with its holder, as far as is known. */
  written: boolean;
}

export interface Sighting {
  readonly pod: PodId;
  readonly lease: LeaseId;
  readonly path: string;
  /** `live` once the pod has answered 101. */
  readonly state: LeaseState;
}

export interface LedgerOptions {
  readonly ttlMs: number;
  /** Releases that may wait for the store. */
  readonly releasesMax: number;
}

export class Ledger {
  readonly #store: LeaseStore;
  readonly #presence: Presence;
  readonly #events: Events;
  readonly #options: LedgerOptions;
  readonly #streams = new Map<ProxyId, Set<LogStream>>();
  readonly #entries = new Map<LeaseId, Entry>();
  readonly #releases: ReleaseQueue;
  readonly #ended: RecentlyEnded;
  #due = new Set<Entry>();
  #storeWasAway = false;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;
  #sweptAtMs = performance.now();

  constructor(parts: { store: LeaseStore; presence: Presence; events: Events }, options: LedgerOptions) {
    this.#store = parts.store;
    this.#presence = parts.presence;
    this.#events = parts.events;
    this.#options = options;
    this.#releases = new ReleaseQueue(parts, options.releasesMax);
    this.#ended = new RecentlyEnded(options.ttlMs, options.releasesMax);
    parts.events.on('storeChanged', (up) => {
      if (up) void this.flush();
      else this.#storeWasAway = true;
    });
  }

  start(): void {
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS);
  }

  /** Writes what is left. Leases stay: their connections are still open. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  get size(): number {
    return this.#entries.size;
  }

  get releasesWaiting(): number {
    return this.#releases.size;
  }

  get streams(): number {
    let count = 0;
    for (const streams of this.#streams.values()) count += streams.size;
    return count;
  }

  /** The proxies that have a log stream open here. */
  talking(): Iterable<ProxyId> {
    return this.#streams.keys();
  }

  open(proxy: ProxyId): LogStream {
    const stream = { proxy, entries: new Set<Entry>() };
    let streams = this.#streams.get(proxy);
    if (!streams) {
      streams = new Set();
      this.#streams.set(proxy, streams);
    }
    streams.add(stream);
    return stream;
  }

  close(stream: LogStream): void {
    for (const entry of stream.entries) this.#forget(entry);
    const streams = this.#streams.get(stream.proxy);
    if (streams?.delete(stream) && streams.size === 0) this.#streams.delete(stream.proxy);
  }

  /** The proxy says that the connection is there. */
  seen(stream: LogStream, { pod, lease, path, state }: Sighting): void {
    if (this.#ended.has(lease)) return; // a late entry of a connection that is known to be closed
    this.#presence.note(proxyOf(lease), pod);
    let entry = this.#entries.get(lease);
    if (!entry) {
      entry = { pod, lease, path, state, stream, heardAtMs: 0, written: false };
      this.#entries.set(lease, entry);
    } else if (entry.stream !== stream) {
      entry.stream.entries.delete(entry);
      entry.stream = stream;
    }
    stream.entries.add(entry);
    if (entry.state !== state && state === 'live') {
      entry.state = state;
      entry.written = false;
    }
    entry.heardAtMs = performance.now();
    this.#due.add(entry);
  }

  /** The proxy says that the connection is gone. */
  ended(pod: PodId, lease: LeaseId): void {
    this.#ended.add(lease, performance.now());
    this.release(pod, lease, 'closed');
  }

  /** Frees the slot, now or as soon as the store answers. */
  release(pod: PodId, lease: LeaseId, cause: ReleaseCause): void {
    this.drop(lease);
    this.#releases.add(pod, lease, cause);
  }

  /** Takes back a release that still waits: the lease is wanted again. */
  keep(pod: PodId, lease: LeaseId): void {
    this.#releases.takeBack(pod, lease);
  }

  /** Forgets a connection whose lease is gone from the store. */
  drop(lease: LeaseId): void {
    const entry = this.#entries.get(lease);
    if (entry) this.#forget(entry);
  }

  /** Tells the store all that it has not been told. */
  async flush(): Promise<void> {
    this.#sweep();
    if (!this.#store.up) return;
    if (this.#storeWasAway) {
      this.#storeWasAway = false;
      this.#writeAllAgain();
    }
    this.#renewing ??= this.#flushRenewals().finally(() => {
      this.#renewing = undefined;
    });
    await Promise.all([this.#releases.flush(), this.#renewing]);
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.lease);
    this.#due.delete(entry);
    entry.stream.entries.delete(entry);
  }

  #writeAllAgain(): void {
    for (const entry of this.#entries.values()) {
      entry.written = false;
      this.#due.add(entry);
    }
  }

  async #flushRenewals(): Promise<void> {
    const due = this.#due;
    this.#due = new Set();
    const calls = [...Map.groupBy(due, ({ pod }) => pod)].flatMap(([pod, entries]) =>
      [...chunks(entries, LEASES_PER_CALL)].map((some) => () => this.#renew(pod, some)),
    );
    for (const some of chunks(calls, PODS_AT_ONCE)) await Promise.all(some.map((call) => call()));
  }

  async #renew(pod: PodId, entries: readonly Entry[]): Promise<void> {
    const open = entries.filter((entry) => this.#entries.get(entry.lease) === entry); // not ended while it waited
    if (open.length === 0) return;
    const known = open.filter((entry) => entry.written).length;
    const told = open.map((entry) => ({ entry, state: entry.state }));
    const renewals = open.map(({ lease, written, state, path }) =>
      written ? { lease } : { lease, holder: { state, path } },
    );
    const answer = await this.#store.renew(pod, renewals, this.#options.ttlMs);
    if (!answer.ok) {
      this.#storeWasAway = true;
      for (const entry of open) if (this.#entries.get(entry.lease) === entry) this.#due.add(entry);
      return;
    }
    for (const { entry, state } of told) entry.written = entry.state === state; // it may have opened meanwhile
    const { created } = answer.value;
    if (created > 0) this.#events.emit('adopted', pod, created);
    // Leases that the store had been told of are gone from it: it has lost others, too.
    if (created > open.length - known) this.#writeAllAgain();
  }

  #sweep(): void {
    const { ttlMs } = this.#options;
    const nowMs = performance.now();
    if (nowMs - this.#sweptAtMs < ttlMs / 4) return;
    this.#sweptAtMs = nowMs;
    for (const entry of this.#entries.values()) if (nowMs - entry.heardAtMs > ttlMs) this.#forget(entry);
  }
}
