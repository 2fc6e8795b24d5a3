/**
 * The ledger: the connections that this gate's own proxies hold, as their access logs tell it, and what of that the
 * store has still to be told.
 *
 * Each sighting of an open connection makes its lease due; once a second all that is due is renewed, a call per pod;
 * what the store could not be told stays due. An end makes a release, which goes out at once.
 *
 * An entry belongs to the log stream that last spoke of it. When that stream breaks, the entry is orphaned, and stays:
 * the proxy may speak of it elsewhere at once, or in a while, or never again until its end, and a store that loses its
 * leases meanwhile has to be told of it. It goes when another gate has renewed the lease, or the store has none any
 * more. An entry of a stream that goes on, and says nothing of it for longer than its proxy ever is silent, has lost its
 * end, and goes too. So all that is in the ledger is open as far as anybody knows, and all of it is written again when
 * the store comes back or turns out to have lost leases.
 */

import { chunks } from './chunks.ts';
import type { Events } from './events.ts';
import type { Evidence } from './evidence.ts';
import { type LeaseId, type PodId, type ProxyId, proxyOf } from './ids.ts';
import { mustHold } from './invariants.ts';
import type { LeaseState, LeaseStore } from './lease-store.ts';
import type { Limits } from './limits.ts';
import type { Presence } from './presence.ts';
import { type ReleaseOptions, ReleaseQueue } from './release-queue.ts';
import type { Share } from './share.ts';
import type { Standing } from './standing.ts';
import { Tally } from './tally.ts';

/** The most leases that one call writes, so that no script holds the store for long. */
const LEASES_PER_CALL = 1000;
/** Pods that are written at the same time. */
const PODS_AT_ONCE = 50;
const FLUSH_MS = 1000;
/** It has not looked for so long: it was stopped, or its machine was. */
const STOOD_STILL_MS = 3000;
/** A proxy that renews says so within this part of a ttl: half of it bears no lost entry. */
const RENEWED_WITHIN = 1 / 2.5;
/** For what an entry takes on its way. */
const ON_ITS_WAY_MS = 1000;

/** Who speaks of connections. */
interface Source {
  readonly entries: Set<Entry>;
}

/** One access log stream of one proxy: Envoy has one for each of its worker threads. */
export interface LogStream extends Source {
  readonly proxy: ProxyId;
  /** How often its Envoy asks whether this gate is there, ms: 0 for never, undefined while that is not known. */
  readonly pingMs: () => number | undefined;
}

/** Stands for a log stream that broke. */
interface Broken extends Source {
  readonly proxy: ProxyId;
  readonly atMs: number;
  /** Whether any of its connections was heard of again, on another stream. */
  found: boolean;
}

interface Entry {
  readonly pod: PodId;
  readonly lease: LeaseId;
  readonly path: string;
  state: LeaseState;
  source: Source;
  /** When its present source first spoke of it. */
  sourceSinceMs: number;
  heardAtMs: number;
  /** When a periodic entry last spoke of it, and how many have come in time since it moved or this gate stood still. */
  flushedAtMs: number;
  flushes: number;
  /** Whether a periodic entry ever spoke of it. */
  told: boolean;
  /** Whether the store has this entry with its holder, as far as is known. */
  written: boolean;
  /** Whether this gate has ever renewed it. */
  renewed: boolean;
  /** Of an orphan: its expiry in the store when this gate last looked. */
  expiryMs: number | undefined;
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

export interface LedgerOptions extends ReleaseOptions {
  /** The most connections that it keeps in mind. Leases of further ones are not renewed. */
  readonly leasesMax: number;
  /** Nobody has to speak of a connection for so long. */
  readonly unrenewedMaxMs: number;
}

export class Ledger {
  readonly #store: LeaseStore;
  readonly #limits: Limits;
  readonly #share: Share;
  readonly #standing: Standing;
  readonly #evidence: Evidence;
  readonly #presence: Presence;
  readonly #events: Events;
  readonly #options: LedgerOptions;
  readonly #streams = new Map<ProxyId, Set<LogStream>>();
  readonly #entries = new Map<LeaseId, Entry>();
  /** How many entries each pod and each proxy has. */
  readonly #pods = new Tally<PodId>();
  readonly #proxies = new Tally<ProxyId>();
  readonly #releases: ReleaseQueue;
  /** Stands for log streams that have still to speak of what was admitted. */
  readonly #expected: Source = { entries: new Set() };
  readonly #broken = new Set<Broken>();
  #due = new Set<Entry>();
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;
  #sweptAtMs = performance.now();
  /** When it was last seen that this gate runs. */
  #awakeAtMs = performance.now();

  constructor(
    parts: {
      store: LeaseStore;
      limits: Limits;
      share: Share;
      standing: Standing;
      evidence: Evidence;
      presence: Presence;
      events: Events;
    },
    options: LedgerOptions,
  ) {
    this.#store = parts.store;
    this.#limits = parts.limits;
    this.#share = parts.share;
    this.#standing = parts.standing;
    this.#evidence = parts.evidence;
    this.#presence = parts.presence;
    this.#events = parts.events;
    this.#options = options;
    this.#releases = new ReleaseQueue({ ...parts, contradicted: (leases) => this.#contradicted(leases) }, options);
    parts.events.on('standingChanged', (state) => {
      if (state !== 'away') void this.flush();
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

  /** How often each of them asks whether this gate is there, ms: 0 for never, undefined while that is not known. */
  pings(): ReadonlyMap<ProxyId, number | undefined> {
    const found = new Map<ProxyId, number | undefined>();
    for (const [proxy, streams] of this.#streams) {
      const known = [...streams].map(({ pingMs }) => pingMs()).filter((ms) => ms !== undefined);
      found.set(proxy, known.length === 0 ? undefined : known.includes(0) ? 0 : Math.max(...known));
    }
    return found;
  }

  /**
   * Proxies of which a log stream broke not longer ago than that, and none of its connections was heard of again: it may
   * go on at a gate that does not reach the store.
   */
  unfound(withinMs: number): ReadonlySet<ProxyId> {
    const sinceMs = performance.now() - withinMs;
    const recent = [...this.#broken].filter(({ found, atMs }) => !found && atMs > sinceMs);
    return new Set(recent.map(({ proxy }) => proxy));
  }

  open(proxy: ProxyId, pingMs: () => number | undefined = () => undefined): LogStream {
    const stream = { proxy, pingMs, entries: new Set<Entry>() };
    let streams = this.#streams.get(proxy);
    if (!streams) {
      streams = new Set();
      this.#streams.set(proxy, streams);
    }
    streams.add(stream);
    return stream;
  }

  close(stream: LogStream): void {
    const streams = this.#streams.get(stream.proxy);
    if (!streams?.delete(stream)) return;
    this.#evidence.lost(stream.proxy);
    if (stream.entries.size > 0) this.#orphan(stream);
    if (streams.size === 0) this.#streams.delete(stream.proxy);
  }

  /** The proxy says that the connection is there. */
  seen(source: Source, { pod, lease, path, state, periodic }: Sighting): void {
    if (this.#releases.hasEnded(lease)) return; // a late entry of a connection that is known to be closed
    const proxy = proxyOf(lease);
    if (!this.#presence.speaks(pod, lease)) return;
    const nowMs = performance.now();
    if (nowMs - this.#awakeAtMs > STOOD_STILL_MS) this.#pause(nowMs);
    let entry = this.#entries.get(lease);
    if (!entry) {
      if (this.#entries.size >= this.#options.leasesMax) {
        this.#events.emit('boundReached', 'ledger.leasesMax');
        return;
      }
      entry = {
        pod,
        lease,
        path,
        state,
        source,
        sourceSinceMs: nowMs,
        heardAtMs: nowMs,
        flushedAtMs: 0,
        flushes: 1,
        told: false,
        written: false,
        renewed: false,
        expiryMs: undefined,
      };
      this.#keep(entry);
    } else if (entry.source !== source && source !== this.#expected) {
      if (isBroken(entry.source)) this.#foundAgain(entry.source);
      this.#move(entry, source);
    }
    if (entry.state !== state && state === 'live') {
      entry.state = state;
      entry.written = false;
    }
    entry.heardAtMs = nowMs;
    if (periodic) {
      // The first on another stream, and the first that was read after a pause, may have come late.
      if (entry.flushes > 1) this.#evidence.renewed(proxy, nowMs - entry.flushedAtMs);
      entry.flushedAtMs = nowMs;
      entry.flushes += 1;
      entry.told = true;
    }
    this.#due.add(entry);
  }

  /** The proxy says that the connection is gone. */
  ended(pod: PodId, lease: LeaseId): void {
    if (!this.#presence.speaks(pod, lease)) return;
    this.#gone(pod, lease);
    this.#releases.ended(pod, lease);
  }

  /** This gate stood still: what it would take for a silence of its proxies is its own. */
  #pause(nowMs: number): void {
    this.#awakeAtMs = nowMs;
    for (const entry of this.#entries.values()) entry.flushes = 0;
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
   * another gate, and if our own question never reached the store, its lease would be indistinguishable from ours. Where
   * no connection came of it, the log tells its end.
   */
  giveBack(pod: PodId, lease: LeaseId): void {
    this.#gone(pod, lease);
    void this.#releases.now(pod, lease, 'cancelled');
  }

  /** Takes back a withdrawal that still waits: the lease is wanted again. */
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
    const nowMs = performance.now();
    if (nowMs - this.#awakeAtMs > STOOD_STILL_MS) this.#pause(nowMs);
    this.#awakeAtMs = nowMs;
    this.#sweep(nowMs);
    await this.#renewing; // it knows nothing of what has become due since it began
    if (!this.#store.up) return;
    this.#renewing ??= this.#flushRenewals().finally(() => {
      this.#renewing = undefined;
    });
    await Promise.all([this.#releases.flush(), this.#renewing]);
  }

  #gone(pod: PodId, lease: LeaseId): void {
    if (!this.#standing.synced) this.#share.freed(pod, lease, this.#entries.has(lease));
    this.drop(lease);
  }

  #keep(entry: Entry): void {
    this.#entries.set(entry.lease, entry);
    entry.source.entries.add(entry);
    this.#pods.add(entry.pod);
    this.#proxies.add(proxyOf(entry.lease));
  }

  #move(entry: Entry, source: Source): void {
    this.#leaveSource(entry);
    entry.source = source;
    entry.sourceSinceMs = performance.now();
    entry.flushes = 0;
    entry.expiryMs = undefined;
    source.entries.add(entry);
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.lease);
    this.#pods.remove(entry.pod);
    this.#proxies.remove(proxyOf(entry.lease));
    this.#due.delete(entry);
    this.#leaveSource(entry);
  }

  #leaveSource(entry: Entry): void {
    const { source } = entry;
    mustHold(this.#events, 'entry-astray', source.entries.delete(entry));
    if (source.entries.size === 0 && isBroken(source)) this.#broken.delete(source);
  }

  #orphan({ proxy, entries }: LogStream): void {
    const broken: Broken = { proxy, atMs: performance.now(), found: false, entries: new Set() };
    for (const entry of [...entries]) this.#move(entry, broken);
    this.#broken.add(broken);
  }

  #foundAgain(broken: Broken): void {
    broken.found = true;
    this.#evidence.found(broken.proxy);
  }

  /** Whether it stands for a stream that broke, or that has never spoken. */
  #isWaiting(source: Source): boolean {
    return source === this.#expected || isBroken(source);
  }

  /** The store is to be told all of it again. */
  tellAgain(): void {
    this.#writeAgain(() => true);
  }

  #writeAgain(which: (entry: Entry) => boolean): void {
    for (const entry of this.#entries.values()) {
      if (!which(entry)) continue;
      entry.written = false;
      entry.expiryMs = undefined;
      this.#due.add(entry);
    }
  }

  async #flushRenewals(): Promise<void> {
    if (this.#standing.told) {
      await this.#renewDue();
      return;
    }
    const { epoch, lost } = this.#standing;
    // An orphan that a store has which lost nothing may have ended there meanwhile.
    this.#writeAgain((entry) => lost || !entry.written || !isBroken(entry.source));
    const reached = (await this.#releases.repeat()) && (await this.#renewDue()) && (await this.#renewDue()); // and what came meanwhile
    if (reached) this.#standing.written(epoch);
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
    const known = open.filter(({ written }) => written).length;
    const sent = open.map((entry) => ({ entry, state: entry.state }));
    const renewals = open.map(({ lease, written, renewed, told, state, path }) => ({
      lease,
      told,
      first: !renewed,
      ...(written ? {} : { holder: { state, path } }),
    }));
    const answer = await this.#store.renew(pod, renewals, this.#options.ttlMs);
    if (!answer.ok) {
      for (const entry of open) if (this.#entries.get(entry.lease) === entry) this.#due.add(entry);
      // What Redis refuses, it refuses for a reason of its own: for this pod, or for all that writes.
      if (answer.why !== 'refused') return false;
      for (const proxy of new Set(open.map(({ lease }) => proxyOf(lease)))) this.#evidence.lost(proxy);
      this.#events.emit('renewalRefused', pod);
      return true;
    }
    // What stands here for a stream that broke, or that never spoke, is nobody's word.
    const standing = open.filter(({ source }) => this.#isWaiting(source));
    for (const proxy of new Set(standing.map(({ lease }) => proxyOf(lease)))) this.#evidence.missed(proxy);
    for (const { entry, state } of sent) {
      entry.written = entry.state === state; // it may have opened meanwhile
      entry.renewed = true;
    }
    const { created, count, inherited = [] } = answer.value;
    const leases = open.map(({ lease }) => lease);
    mustHold(this.#events, 'answered-too-many', created <= open.length);
    this.#share.written(pod, leases);
    this.#share.counted(pod, count);
    for (const proxy of inherited) this.#evidence.found(proxy);
    if (created > 0) {
      const overLimit = Math.min(created, Math.max(0, count - this.#limits.of(pod)));
      this.#events.emit('adopted', pod, created, overLimit);
      const lapsed = await this.#store.lapsed(pod, leases);
      if (lapsed.ok) this.#contradicted(lapsed.value);
    }
    // Leases of this pod that the store had been told of are gone from it, and others, too.
    if (created > open.length - known && count < this.#pods.of(pod)) this.#writeAgain((entry) => entry.pod === pod);
    return true;
  }

  /** Leases that were taken out by silence have been spoken of again. */
  #contradicted(leases: readonly LeaseId[]): void {
    for (const [proxy, some] of Map.groupBy(leases, proxyOf)) this.#evidence.contradicted(proxy, some.length);
  }

  /** Forgets what has ended without a word, and looks for proxies that never renew. */
  #sweep(nowMs: number): void {
    const { ttlMs, unrenewedMaxMs } = this.#options;
    this.#lookForUnrenewed(nowMs);
    if (nowMs - this.#sweptAtMs < ttlMs / 4) return;
    this.#sweptAtMs = nowMs;
    for (const entry of this.#entries.values()) {
      const heardMs = nowMs - entry.heardAtMs;
      if (heardMs <= ttlMs || this.#due.has(entry)) continue;
      const maxMs = this.#isWaiting(entry.source)
        ? undefined
        : this.#evidence.silentMs(proxyOf(entry.lease), entry.told);
      if (heardMs > (maxMs ?? unrenewedMaxMs)) this.#forget(entry);
    }
    void this.#checkOrphans();
  }

  /** Of a proxy that has sent no periodic entry yet: a connection of which its stream says nothing for too long. */
  #lookForUnrenewed(nowMs: number): void {
    const latestMs = nowMs - this.#options.ttlMs * RENEWED_WITHIN - ON_ITS_WAY_MS;
    for (const [proxy, streams] of this.#streams) {
      if (this.#evidence.intervals.has(proxy) || this.#evidence.unrenewed.has(proxy)) continue;
      const overdue = ({ state, told, sourceSinceMs }: Entry) => state === 'live' && !told && sourceSinceMs < latestMs;
      if ([...streams].some(({ entries }) => entries.values().some(overdue))) this.#evidence.renewsNothing(proxy);
    }
  }

  /** Forgets orphans that another gate has renewed, or that are gone from the store. */
  async #checkOrphans(): Promise<void> {
    if (!this.#standing.synced) return;
    const { epoch } = this.#standing;
    const waiting = [this.#expected, ...this.#broken].flatMap(({ entries }) =>
      [...entries].filter(({ written }) => written),
    );
    for (const [pod, entries] of Map.groupBy(waiting, (entry) => entry.pod)) {
      for (const some of chunks(entries, LEASES_PER_CALL)) {
        const answer = await this.#store.expiries(
          pod,
          some.map(({ lease }) => lease),
        );
        if (!answer.ok || epoch !== this.#standing.epoch) return;
        for (const [i, entry] of some.entries()) this.#checkOrphan(entry, answer.value[i]);
      }
    }
  }

  #checkOrphan(entry: Entry, expiryMs: number | undefined): void {
    if (!this.#isWaiting(entry.source) || this.#entries.get(entry.lease) !== entry || this.#due.has(entry)) return;
    const isRenewed = expiryMs !== undefined && entry.expiryMs !== undefined && expiryMs !== entry.expiryMs;
    if (isRenewed && isBroken(entry.source)) entry.source.found = true;
    if (isRenewed || expiryMs === undefined) this.#forget(entry);
    else entry.expiryMs = expiryMs;
  }
}

function isBroken(source: Source): source is Broken {
  return 'found' in source;
}
