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
import type { Events } from './events.ts';
import { FlushIntervals, type Times } from './flush-intervals.ts';
import { type LeaseId, type PodId, type ProxyId, proxyOf } from './ids.ts';
import { mustHold } from './invariants.ts';
import type { LeaseState, LeaseStore } from './lease-store.ts';
import type { Limits } from './limits.ts';
import type { Presence } from './presence.ts';
import type { Recovery } from './recovery.ts';
import { type ReleaseOptions, ReleaseQueue } from './release-queue.ts';
import type { Share } from './share.ts';
import { Tally } from './tally.ts';

/** The most leases that one call writes, so that no script holds the store for long. */
const LEASES_PER_CALL = 1000;
/** Pods that are written at the same time. */
const PODS_AT_ONCE = 50;
const FLUSH_MS = 1000;

/** Who speaks of connections. */
interface Source {
  readonly entries: Set<Entry>;
}

/** One access log stream of one proxy: Envoy has one for each of its worker threads. */
export interface LogStream extends Source {
  readonly proxy: ProxyId;
}

interface Entry {
  readonly pod: PodId;
  readonly lease: LeaseId;
  readonly path: string;
  state: LeaseState;
  source: Source;
  heardAtMs: number;
  /** When a periodic entry last spoke of it. */
  flushedAtMs?: number;
  /** Whether the store has this entry with its holder, as far as is known. */
  written: boolean;
}

export interface Sighting {
  readonly pod: PodId;
  readonly lease: LeaseId;
  readonly path: string;
  /** `live` once the pod has answered 101. */
  readonly state: LeaseState;
  /** One of the entries that come at Envoy's flush interval. */
  readonly periodic: boolean;
}

export interface LedgerOptions extends ReleaseOptions, Times {
  /** Connections that it keeps in mind; of further ones, leases run out. */
  readonly leasesMax: number;
}

export class Ledger {
  readonly #store: LeaseStore;
  readonly #limits: Limits;
  readonly #share: Share;
  readonly #recovery: Recovery;
  readonly #presence: Presence;
  readonly #events: Events;
  readonly #ttlMs: number;
  readonly #leasesMax: number;
  readonly #streams = new Map<ProxyId, Set<LogStream>>();
  readonly #entries = new Map<LeaseId, Entry>();
  readonly #pods = new Tally<PodId>();
  readonly #proxies = new Tally<ProxyId>();
  readonly #releases: ReleaseQueue;
  readonly #intervals: FlushIntervals;
  /** Stands for log streams that have still to speak of what was admitted. */
  readonly #expected: Source = { entries: new Set() };
  #due = new Set<Entry>();
  /** Whether the store has been told all that it should know, since it was last away or lost leases. */
  #told: boolean;
  #timesLost = 0;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;
  #sweptAtMs = performance.now();

  constructor(
    parts: {
      store: LeaseStore;
      limits: Limits;
      share: Share;
      recovery: Recovery;
      presence: Presence;
      events: Events;
    },
    options: LedgerOptions,
  ) {
    this.#store = parts.store;
    this.#limits = parts.limits;
    this.#share = parts.share;
    this.#recovery = parts.recovery;
    this.#presence = parts.presence;
    this.#events = parts.events;
    this.#ttlMs = options.ttlMs;
    this.#leasesMax = options.leasesMax;
    this.#told = parts.store.up;
    this.#releases = new ReleaseQueue(parts, options);
    this.#intervals = new FlushIntervals(options, parts.events);
    parts.events.on('storeChanged', (up) => {
      if (up) void this.flush();
      else this.#lost();
    });
    parts.events.on('storeLost', () => {
      this.#lost();
      void this.flush();
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

  /** Whether it has a connection of this pod. */
  holdsPod(pod: PodId): boolean {
    return this.#pods.has(pod);
  }

  /** Whether it has a connection of this proxy. */
  holdsProxy(proxy: ProxyId): boolean {
    return this.#proxies.has(proxy);
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
    if (!streams?.delete(stream) || streams.size > 0) return;
    this.#streams.delete(stream.proxy);
    this.#intervals.forget(stream.proxy);
  }

  /** The proxy says that the connection is there. */
  seen(source: Source, { pod, lease, path, state, periodic }: Sighting): void {
    if (this.#releases.hasEnded(lease)) return; // a late entry of a connection that is known to be closed
    if (!this.#presence.speaks(pod, lease)) return;
    let entry = this.#entries.get(lease);
    if (!entry) {
      if (this.#entries.size >= this.#leasesMax) return void this.#events.emit('boundReached', 'ledger.leasesMax');
      entry = { pod, lease, path, state, source, heardAtMs: 0, written: false };
      this.#entries.set(lease, entry);
      this.#pods.add(pod);
      this.#proxies.add(proxyOf(lease));
    } else if (entry.source !== source) {
      entry.source.entries.delete(entry);
      entry.source = source;
    }
    source.entries.add(entry);
    if (entry.state !== state && state === 'live') {
      entry.state = state;
      entry.written = false;
    }
    entry.heardAtMs = performance.now();
    if (periodic) {
      if (entry.flushedAtMs !== undefined)
        this.#intervals.measured(proxyOf(lease), entry.heardAtMs - entry.flushedAtMs);
      entry.flushedAtMs = entry.heardAtMs;
    }
    this.#due.add(entry);
  }

  /** The proxy says that the connection is gone. */
  ended(pod: PodId, lease: LeaseId): void {
    if (!this.#presence.speaks(pod, lease)) return;
    this.#gone(pod, lease);
    this.#releases.ended(pod, lease);
  }

  /** Whether the store knows all that this gate knows. */
  get told(): boolean {
    return this.#told;
  }

  /** Whether the store answers, and knows all that this gate knows, and what the others do. */
  get inStep(): boolean {
    return this.#told && this.#store.up && this.#recovery.over;
  }

  /**
   * A connection that was admitted without the store's word, and of which no log has spoken yet. A store that answers is
   * told at once: whoever asks it next, as soon as it is trusted, is to be counted behind this one.
   */
  expect(pod: PodId, lease: LeaseId, path: string): void {
    this.seen(this.#expected, { pod, lease, path, state: 'reserved', periodic: false });
    const entry = this.#entries.get(lease);
    if (entry && this.#store.up && this.#due.delete(entry)) void this.#renew(pod, [entry]);
  }

  /** Frees the slot of an upgrade that was denied, whatever the store did: now or as soon as it answers. */
  withdraw(pod: PodId, lease: LeaseId): void {
    this.#gone(pod, lease);
    this.#releases.add(pod, lease, 'cancelled');
  }

  /**
   * Frees the slot of an upgrade that nobody waits for any more: now or never. Envoy may ask again for the same lease, at
   * another gate, and if our own question never reached the store, what came of that one would look like it. Where no
   * connection came of it, the log tells its end.
   */
  giveBack(pod: PodId, lease: LeaseId): void {
    this.#gone(pod, lease);
    void this.#releases.now(pod, lease, 'cancelled');
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
    await this.#renewing; // it knows nothing of what has become due since it began
    if (!this.#store.up) return;
    this.#renewing ??= this.#flushRenewals().finally(() => {
      this.#renewing = undefined;
    });
    await Promise.all([this.#releases.flush(), this.#renewing]);
  }

  #gone(pod: PodId, lease: LeaseId): void {
    if (!this.inStep) this.#share.freed(pod, lease, this.#entries.has(lease));
    this.drop(lease);
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.lease);
    this.#pods.remove(entry.pod);
    this.#proxies.remove(proxyOf(entry.lease));
    this.#due.delete(entry);
    mustHold(this.#events, 'entry-astray', entry.source.entries.delete(entry));
  }

  #writeAllAgain(): void {
    for (const entry of this.#entries.values()) {
      entry.written = false;
      this.#due.add(entry);
    }
  }

  async #flushRenewals(): Promise<void> {
    if (this.#told) {
      await this.#renewDue();
      return;
    }
    const timesLost = this.#timesLost;
    this.#writeAllAgain();
    const reached = (await this.#releases.repeat()) && (await this.#renewDue()) && (await this.#renewDue()); // and what came meanwhile
    this.#told = reached && timesLost === this.#timesLost;
  }

  /** The store is away, or has lost leases: it has to be told everything. */
  #lost(): void {
    this.#told = false;
    this.#timesLost += 1;
  }

  /** Resolves to false when the store could not be reached. */
  async #renewDue(): Promise<boolean> {
    const due = this.#due;
    this.#due = new Set();
    const calls = [...Map.groupBy(due, ({ pod }) => pod)].flatMap(([pod, entries]) =>
      [...chunks(entries, LEASES_PER_CALL)].map((some) => () => this.#renew(pod, some)),
    );
    let reached = true;
    for (const some of chunks(calls, PODS_AT_ONCE)) {
      const answers = await Promise.all(some.map((call) => call()));
      reached = reached && answers.every((answer) => answer);
    }
    return reached;
  }

  async #renew(pod: PodId, entries: readonly Entry[]): Promise<boolean> {
    const open = entries.filter((entry) => this.#entries.get(entry.lease) === entry); // not ended while it waited
    if (open.length === 0) return true;
    const known = open.filter((entry) => entry.written).length;
    const told = open.map((entry) => ({ entry, state: entry.state }));
    const renewals = open.map(({ lease, written, state, path }) =>
      written ? { lease } : { lease, holder: { state, path } },
    );
    const answer = await this.#store.renew(pod, renewals, this.#ttlMs);
    if (!answer.ok) {
      for (const entry of open) if (this.#entries.get(entry.lease) === entry) this.#due.add(entry);
      // What Redis refuses, it refuses for a reason of its own: for this pod, or for all that writes.
      if (answer.why === 'refused') {
        this.#events.emit('renewalRefused', pod);
        return true;
      }
      this.#lost();
      return false;
    }
    for (const { entry, state } of told) entry.written = entry.state === state; // it may have opened meanwhile
    const { created, count } = answer.value;
    mustHold(this.#events, 'answered-too-many', created <= open.length);
    this.#share.counted(pod, count);
    if (created > 0) {
      const overLimit = Math.min(created, Math.max(0, count - this.#limits.of(pod)));
      this.#events.emit('adopted', pod, created, overLimit);
    }
    // Leases that the store had been told of are gone from it: it has lost others, too.
    if (created > open.length - known) this.#writeAllAgain();
    return true;
  }

  #sweep(): void {
    const ttlMs = this.#ttlMs;
    const nowMs = performance.now();
    if (nowMs - this.#sweptAtMs < ttlMs / 4) return;
    this.#sweptAtMs = nowMs;
    for (const entry of this.#entries.values()) if (nowMs - entry.heardAtMs > ttlMs) this.#forget(entry);
  }
}
