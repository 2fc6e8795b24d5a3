/**
 * The entries of the ledger: each is a connection that is open as far as this gate knows, and belongs to the log stream
 * that last spoke of it, its speaker; or to `held` where no log has, and its stream of the hold door is open. Here is decided what a word of a proxy changes in them, and when one is forgotten.
 * Which of them the store has still to be told is noted here, too; `renewals.ts` tells it.
 */

import { areOfOneService, type LeaseId, type PodId, type ProxyId, proxyOf } from '../ids.ts';
import type { LeaseState } from '../lease-store.ts';
import type { Parts } from '../parts.ts';
import type { Upgrade } from '../verdict.ts';
import type { RecentlyEnded } from './recently-ended.ts';

/** This gate has done nothing for so long: it was stopped, or its machine was. */
const STOOD_STILL_MS = 3000;

const NONE: readonly PodId[] = [];

/** Who speaks of connections. */
export interface Speaker {
  readonly entries: Set<Entry>;
}

/** One access log stream of one proxy: Envoy has one for each of its worker threads. */
export interface LogStream extends Speaker {
  readonly proxy: ProxyId;
  /** How often its Envoy asks whether this gate is there, ms: 0 for never, undefined while that is not known. */
  readonly pingMs: () => number | undefined;
}

/** Stands for a log stream that broke. */
interface Broken extends Speaker {
  readonly proxy: ProxyId;
  readonly atMs: number;
  /** Whether any of its connections was heard of again, on another stream. */
  found: boolean;
}

export interface Entry {
  pod: PodId;
  /** Other pods where it may have a slot: its route was chosen once more. */
  left: readonly PodId[];
  readonly lease: LeaseId;
  readonly path: string;
  client: string | undefined;
  state: LeaseState;
  speaker: Speaker;
  /** Whether a stream of the hold door is open for it, here. */
  held: boolean;
  /** When the first was opened; undefined where none was. */
  heldSinceMs: number | undefined;
  /** Whether a log entry has told where it is, once the pod had answered 101. */
  located: boolean;
  /** When its present speaker first spoke of it. */
  speakerSinceMs: number;
  heardAtMs: number;
  /** When a periodic log entry last spoke of it. */
  flushedAtMs: number;
  /** How many periodic log entries have come in time since it moved or this gate stood still. */
  flushes: number;
  /** Whether a periodic log entry ever spoke of it. */
  told: boolean;
  /** Whether the store has it with its holder, as far as is known. */
  written: boolean;
  /** Whether this gate has ever renewed it. */
  renewed: boolean;
  /** Where it has no speaker: its expiry in the store when this gate last looked. */
  expiryMs: number | undefined;
}

export interface Sighting extends Upgrade {
  /** Where it took its slot, if its route was chosen once more since, and leads to `pod`. */
  readonly movedFrom?: PodId;
  /** `live` once the pod has answered 101. */
  readonly state: LeaseState;
  /** One of the log entries that come at Envoy's flush interval. */
  readonly periodic: boolean;
}

/** How the lease of a connection is kept: by an open stream, by periodic log entries, by nothing. */
export type Kept = 'held' | 'renewed' | 'unrenewed';

export interface EntriesOptions {
  readonly ttlMs: number;
  /** Maximum number of tracked connections. Leases beyond it are not renewed. */
  readonly leasesMax: number;
  /** After so long without a word of a connection it is taken for closed, whatever its proxy promises. */
  readonly unrenewedMaxMs: number;
}

export class Entries {
  /** Stands for the log streams that have not spoken yet of what was admitted without the store. */
  readonly expected: Speaker = { entries: new Set() };
  /** Speaks of what no log stream speaks of, and a stream of the hold door is open for. */
  readonly held: Speaker = { entries: new Set() };
  readonly #parts: Parts;
  readonly #ended: RecentlyEnded;
  readonly #options: EntriesOptions;
  readonly #entries = new Map<LeaseId, Entry>();
  readonly #broken = new Set<Broken>();
  /** Those that the store has still to be told. */
  #due = new Set<Entry>();
  /** When it was last seen that this gate runs. */
  #awakeAtMs = performance.now();

  constructor(parts: Parts, ended: RecentlyEnded, options: EntriesOptions) {
    this.#parts = parts;
    this.#ended = ended;
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(lease: LeaseId): boolean {
    return this.#entries.has(lease);
  }

  /** Whether this very entry is there: it was not forgotten, and its lease has no other one. */
  isThere(entry: Entry): boolean {
    return this.#entries.get(entry.lease) === entry;
  }

  /** Whether somebody speaks of it here: a log stream, or the stream that is held for it. */
  hasSpeaker({ speaker, held }: Entry): boolean {
    return held || speaker === this.held || this.#isLog(speaker);
  }

  /** Whether a log stream here speaks of it. */
  isLogged(entry: Entry): boolean {
    return this.isThere(entry) && this.#isLog(entry.speaker);
  }

  /** Whether a stream is held for it here. */
  isHeld(lease: LeaseId): boolean {
    return this.#entries.get(lease)?.held === true;
  }

  #isLog(speaker: Speaker): boolean {
    return speaker !== this.held && speaker !== this.expected && !isBroken(speaker);
  }

  isOrphan({ speaker, held }: Entry): boolean {
    return !held && isBroken(speaker);
  }

  /** How many of each proxy are kept in which way. */
  kept(): Map<ProxyId, Record<Kept, number>> {
    const counts = new Map<ProxyId, Record<Kept, number>>();
    for (const entry of this.#entries.values()) {
      const proxy = proxyOf(entry.lease);
      let count = counts.get(proxy);
      if (!count) {
        count = { held: 0, renewed: 0, unrenewed: 0 };
        counts.set(proxy, count);
      }
      count[this.#keptBy(entry)] += 1;
    }
    return counts;
  }

  #keptBy(entry: Entry): Kept {
    if (entry.held) return 'held';
    return entry.told && this.hasSpeaker(entry) ? 'renewed' : 'unrenewed';
  }

  /** Those of which nobody speaks. */
  waiting(): Entry[] {
    const entries = [this.expected, ...this.#broken].flatMap(({ entries }) => [...entries]);
    return entries.filter(({ held }) => !held);
  }

  /**
   * Proxies of which a log stream broke not longer ago than that, ms, and none of its connections was heard of again: it
   * may go on at a gate that does not reach the store.
   */
  unfound(withinMs: number): ReadonlySet<ProxyId> {
    const sinceMs = performance.now() - withinMs;
    const recent = [...this.#broken].filter(({ found, atMs }) => !found && atMs > sinceMs);
    return new Set(recent.map(({ proxy }) => proxy));
  }

  /** The proxy says that the connection is there. */
  seen(speaker: Speaker, { pod, movedFrom, lease, path, client, state, periodic }: Sighting): Entry | undefined {
    const { evidence, events, presence } = this.#parts;
    if (this.#ended.has(lease)) return undefined; // a late word of a connection that is closed
    if (!presence.speaks(pod, lease)) return undefined;
    const nowMs = performance.now();
    if (nowMs - this.#awakeAtMs > STOOD_STILL_MS) this.awake(nowMs);
    let entry = this.#entries.get(lease);
    if (!entry) {
      if (this.#entries.size >= this.#options.leasesMax) {
        events.emit('boundReached', 'ledger.leasesMax');
        return undefined;
      }
      entry = {
        pod,
        left: movedFrom === undefined ? NONE : [movedFrom],
        lease,
        path,
        client,
        state,
        speaker,
        held: false,
        heldSinceMs: undefined,
        located: false,
        speakerSinceMs: nowMs,
        heardAtMs: nowMs,
        flushedAtMs: 0,
        flushes: 1,
        told: false,
        written: false,
        renewed: false,
        expiryMs: undefined,
      };
      this.#keep(entry);
    } else if (entry.speaker !== speaker && this.#takesOver(speaker, entry.speaker)) {
      if (isBroken(entry.speaker) && speaker !== this.held) {
        entry.speaker.found = true;
        evidence.found(proxyOf(lease));
      }
      this.#move(entry, speaker);
    }
    // A log shows the pod of a service that Envoy really went to, whichever a gate has chosen, this one or another.
    const from = movedFrom ?? (this.#isLog(speaker) && areOfOneService(pod, entry.pod) ? entry.pod : undefined);
    if (from !== undefined && entry.pod !== pod) this.#follow(entry, speaker, pod, from);
    if (entry.state !== state && state === 'live') {
      entry.state = state;
      entry.written = false;
    }
    if (state === 'live' && this.#isLog(speaker)) entry.located = true;
    if (entry.held && this.#isLog(speaker)) evidence.toldHeld(proxyOf(lease));
    if (entry.client === undefined && client !== undefined) {
      entry.client = client;
      entry.written = false;
    }
    entry.heardAtMs = nowMs;
    if (periodic) {
      // The first on another stream, and the first that was read after a pause, may have come late.
      if (entry.flushes > 1) evidence.renewed(proxyOf(lease), nowMs - entry.flushedAtMs);
      entry.flushedAtMs = nowMs;
      entry.flushes += 1;
      entry.told = true;
    }
    this.#due.add(entry);
    return entry;
  }

  /** A stream of the hold door is open for the connection, or open still. */
  hold(upgrade: Upgrade): Entry | undefined {
    const entry = this.seen(this.held, { ...upgrade, state: 'live', periodic: false });
    if (!entry) return undefined;
    entry.held = true;
    if (this.#isLog(entry.speaker)) this.#parts.evidence.toldHeld(proxyOf(upgrade.lease));
    entry.heldSinceMs ??= performance.now();
    return entry;
  }

  /** It broke, and its connection may live on: nobody will hold it again. */
  letGo(entry: Entry): void {
    entry.held = false;
    if (entry.speaker === this.held) this.#orphan(proxyOf(entry.lease), [entry]);
  }

  /** The log stream broke. */
  orphan({ proxy, entries }: LogStream): void {
    if (entries.size > 0) this.#orphan(proxy, [...entries]);
  }

  #orphan(proxy: ProxyId, entries: readonly Entry[]): void {
    const broken: Broken = { proxy, atMs: performance.now(), found: false, entries: new Set() };
    for (const entry of entries) this.#move(entry, entry.held ? this.held : broken);
    if (broken.entries.size > 0) this.#broken.add(broken);
  }

  /** A log stream tells more than a stream that is only open, and this more than nobody. */
  #takesOver(speaker: Speaker, from: Speaker): boolean {
    if (speaker === this.expected) return false;
    return speaker !== this.held || from === this.expected || isBroken(from);
  }

  /** Another gate has renewed it: its proxy speaks there. */
  movedAway(entry: Entry): void {
    if (isBroken(entry.speaker)) entry.speaker.found = true;
    this.#forget(entry);
  }

  /** This gate runs. When it stood still before, what looks like a silence of its proxies is its own. */
  awake(nowMs: number): void {
    const stoodStill = nowMs - this.#awakeAtMs > STOOD_STILL_MS;
    this.#awakeAtMs = nowMs;
    if (stoodStill) for (const entry of this.#entries.values()) entry.flushes = 0;
  }

  /** Forgets those of which nobody has spoken for so long that their end must have been lost. */
  forgetSilent(nowMs: number): void {
    const { ttlMs, unrenewedMaxMs } = this.#options;
    for (const entry of this.#entries.values()) {
      const heardMs = nowMs - entry.heardAtMs;
      if (heardMs <= ttlMs || this.#due.has(entry)) continue;
      const { lease, told } = entry;
      if (entry.held) continue;
      const maxMs = this.hasSpeaker(entry) ? this.#parts.evidence.silentMs(proxyOf(lease), told) : undefined;
      if (heardMs > (maxMs ?? unrenewedMaxMs)) this.#forget(entry);
    }
  }

  /** Forgets a connection of this pod whose lease is gone from the store. */
  drop(pod: PodId, lease: LeaseId): void {
    const entry = this.#entries.get(lease);
    if (entry?.pod === pod) this.#forget(entry);
  }

  /** All pods where it may have a slot, that of its connection first. */
  podsOf(lease: LeaseId): readonly PodId[] {
    const entry = this.#entries.get(lease);
    return entry ? [entry.pod, ...entry.left] : NONE;
  }

  /** Those that the store has elsewhere than where they took their slots. */
  *moved(): Iterable<Entry> {
    for (const entry of this.#entries.values()) if (entry.left.length > 0 && entry.written) yield entry;
  }

  isDue(entry: Entry): boolean {
    return this.#due.has(entry);
  }

  /** From now on the caller tells the store. */
  takeDue(): ReadonlySet<Entry> {
    const due = this.#due;
    this.#due = new Set();
    return due;
  }

  /** As `takeDue`, of one. Returns false when it is not due. */
  takeOne(entry: Entry): boolean {
    return this.#due.delete(entry);
  }

  /** The store could not be told. */
  putBack(entry: Entry): void {
    if (this.isThere(entry)) this.#due.add(entry);
  }

  /** The store has to be told these again, with all that is known of them. */
  writeAgain(which: (entry: Entry) => boolean = () => true): void {
    for (const entry of this.#entries.values()) {
      if (!which(entry)) continue;
      entry.written = false;
      entry.expiryMs = undefined;
      this.#due.add(entry);
    }
  }

  #keep(entry: Entry): void {
    this.#entries.set(entry.lease, entry);
    entry.speaker.entries.add(entry);
    this.#parts.holdings.add(entry.pod, entry.lease);
  }

  /**
   * Its connection is at another pod than its slot. The renewal there frees the slot here (`renewals.ts`). A filter may have
   * changed the route behind the hold door, too: so the log, which comes later, counts for more.
   */
  #follow(entry: Entry, speaker: Speaker, pod: PodId, movedFrom: PodId): void {
    if (speaker === this.held && entry.left.length > 0) return;
    const { holdings, share, standing } = this.#parts;
    const { lease } = entry;
    if (!standing.synced && speaker !== this.held) share.moved(entry.pod, pod, lease);
    holdings.remove(entry.pod, lease);
    holdings.add(pod, lease);
    entry.left = [...new Set([movedFrom, entry.pod])].filter((left) => left !== pod);
    entry.pod = pod;
    entry.written = false;
    entry.expiryMs = undefined;
  }

  #move(entry: Entry, speaker: Speaker): void {
    this.#leaveSpeaker(entry);
    entry.speaker = speaker;
    entry.speakerSinceMs = performance.now();
    entry.flushes = 0;
    entry.expiryMs = undefined;
    speaker.entries.add(entry);
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.lease);
    this.#parts.holdings.remove(entry.pod, entry.lease);
    this.#due.delete(entry);
    this.#leaveSpeaker(entry);
  }

  #leaveSpeaker(entry: Entry): void {
    const { speaker } = entry;
    this.#parts.events.mustHold('entry-astray', speaker.entries.delete(entry));
    if (speaker.entries.size === 0 && isBroken(speaker)) this.#broken.delete(speaker);
  }
}

function isBroken(speaker: Speaker): speaker is Broken {
  return 'found' in speaker;
}
