/**
 * Renewals: tells the store of the open connections. What is due is written once a second, a call for each pod; what the
 * store could not be told stays due. A store that was away, or has lost leases, is told everything again.
 */

import { chunks } from '../chunks.ts';
import { areOfOneService, type LeaseId, type PodId, proxyOf, serviceOf } from '../ids.ts';
import { newHolder, type Renewal, type Renewed } from '../lease-store.ts';
import type { Parts } from '../parts.ts';
import type { Upgrade } from '../verdict.ts';
import type { Entries, Entry } from './entries.ts';
import type { Releases } from './releases.ts';

/** The maximum number of leases in one call, so that no script holds the store for long. */
const LEASES_PER_CALL = 1000;
/** Pods that are written at the same time. */
const PODS_AT_ONCE = 50;

export class Renewals {
  readonly #parts: Parts;
  readonly #entries: Entries;
  readonly #releases: Releases;
  readonly #ttlMs: number;
  #flushing: Promise<void> | undefined;

  constructor(parts: Parts, entries: Entries, releases: Releases, { ttlMs }: { ttlMs: number }) {
    this.#parts = parts;
    this.#entries = entries;
    this.#releases = releases;
    this.#ttlMs = ttlMs;
  }

  /**
   * A connection was admitted without the store, and no log has spoken of it yet. A store that answers is told at once:
   * whoever asks it next, as soon as it is trusted, is to be counted behind this one.
   */
  expect(upgrade: Upgrade): void {
    const { pod } = upgrade;
    const entry = this.#entries.seen(this.#entries.expected, { ...upgrade, state: 'reserved', periodic: false });
    if (entry && this.#parts.store.up && this.#entries.takeOne(entry)) void this.#renew(pod, [entry]);
  }

  /** Tells the store all that is due. */
  async flush(): Promise<void> {
    await this.#flushing; // it knows nothing of what has become due since it began
    if (!this.#parts.store.up) return;
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  /** Forgets connections without a speaker that another gate has renewed, or whose lease is gone from the store. */
  async checkOrphans(): Promise<void> {
    const { standing, store } = this.#parts;
    if (!standing.synced) return;
    const { epoch } = standing;
    const waiting = this.#entries.waiting().filter(({ written }) => written);
    for (const [pod, entries] of Map.groupBy(waiting, (entry) => entry.pod)) {
      for (const some of chunks(entries, LEASES_PER_CALL)) {
        const leases = some.map(({ lease }) => lease);
        const answer = await store.expiries(pod, leases);
        if (!answer.ok || epoch !== standing.epoch) return;
        for (const [i, entry] of some.entries()) this.#checkOrphan(entry, answer.value[i]);
      }
    }
  }

  /** A stream that is held at another gate for a connection that has moved may have renewed it where it was. */
  leaveAgain(): void {
    for (const entry of this.#entries.moved()) this.#leave(entry);
  }

  /** Of a service, the store has taken it out where it was: a lease is at one of its pods. */
  #leave({ left, lease, pod }: Entry): void {
    for (const each of left) if (!areOfOneService(each, pod)) this.#releases.moved(each, lease);
  }

  async #flush(): Promise<void> {
    const { standing } = this.#parts;
    if (standing.told) {
      await this.#renewDue();
      return;
    }
    const { epoch, lost } = standing;
    // A store that lost nothing has the orphans; they may have ended there meanwhile.
    this.#entries.writeAgain((entry) => lost || !entry.written || !this.#entries.isOrphan(entry));
    const reached = (await this.#releases.repeat()) && (await this.#renewDue()) && (await this.#renewDue()); // and what came meanwhile
    if (reached) standing.written(epoch);
  }

  /** Resolves to false when the store could not be reached. */
  async #renewDue(): Promise<boolean> {
    const calls = [...Map.groupBy(this.#entries.takeDue(), ({ pod }) => pod)].flatMap(([pod, entries]) =>
      [...chunks(entries, LEASES_PER_CALL)].map((some) => () => this.#renew(pod, some)),
    );
    let reached = true;
    for (const some of chunks(calls, PODS_AT_ONCE)) {
      const answers = await Promise.all(some.map((call) => call()));
      reached = reached && answers.every((answer) => answer);
    }
    return reached;
  }

  /** Resolves to false when the store could not be reached. */
  async #renew(pod: PodId, entries: readonly Entry[]): Promise<boolean> {
    const { evidence, events, store } = this.#parts;
    // Neither ended nor moved to another pod while it waited.
    const open = entries.filter((entry) => entry.pod === pod && this.#entries.isThere(entry));
    if (open.length === 0) return true;
    const known = open.filter(({ written }) => written).length;
    const sent = open.map((entry) => ({ entry, state: entry.state }));
    const answer = await store.renew(
      pod,
      open.map((entry) => this.#renewalOf(entry)),
      this.#ttlMs,
    );
    if (!answer.ok) {
      for (const entry of open) this.#entries.putBack(entry);
      // What Redis refuses, it refuses for a reason of its own: for this pod, or for all that writes.
      if (answer.why !== 'refused') return false;
      for (const proxy of new Set(open.map(({ lease }) => proxyOf(lease)))) evidence.lost(proxy);
      events.emit('renewalRefused', pod);
      return true;
    }
    // Where no stream speaks, this renewal is nobody's word.
    const silent = open.filter((entry) => !this.#entries.hasSpeaker(entry));
    for (const proxy of new Set(silent.map(({ lease }) => proxyOf(lease)))) evidence.missed(proxy);
    for (const { entry, state } of sent) {
      if (entry.pod !== pod) continue; // it has moved meanwhile
      entry.written = entry.state === state; // it may have opened meanwhile
      entry.renewed ||= entry.speaker !== this.#entries.held;
      this.#leave(entry);
    }
    const leases = open.map(({ lease }) => lease);
    await this.#renewed(pod, leases, answer.value);
    const { created, count } = answer.value;
    // Leases of this pod that the store had been told of are gone from it, and others, too.
    if (created > open.length - known && count < this.#parts.holdings.ofPod(pod)) {
      this.#entries.writeAgain((entry) => entry.pod === pod);
    }
    return true;
  }

  #renewalOf(entry: Entry): Renewal {
    const { lease, written, renewed, told, located, held, heldSinceMs, state, path, client, speaker } = entry;
    // Another gate may have chosen another pod for it, and expect it there: of a service, the log knows where it is.
    const moved =
      entry.left.some((left) => areOfOneService(left, entry.pod)) || (located && serviceOf(entry.pod) !== undefined);
    // Whether its log stream was found again, a stream that is only open does not tell.
    const first = !renewed && speaker !== this.#entries.held;
    const overdue = held && !told && this.#parts.evidence.isOverdue(proxyOf(lease), heldSinceMs);
    const flags = { told, first, moved, overdue, held: heldSinceMs !== undefined };
    return { lease, ...flags, ...(written ? {} : { holder: newHolder(state, path, client) }) };
  }

  async #renewed(pod: PodId, leases: readonly LeaseId[], renewed: Renewed): Promise<void> {
    const { created, count, inherited = [], overdue = [] } = renewed;
    const { evidence, events, limits, share, store } = this.#parts;
    events.mustHold('answered-too-many', created <= leases.length);
    share.written(pod, leases);
    share.counted(pod, count);
    for (const proxy of inherited) evidence.found(proxy);
    for (const proxy of overdue) evidence.overdue(proxy);
    if (created === 0) return;
    events.emit('adopted', pod, created, Math.min(created, Math.max(0, count - limits.of(pod))));
    const lapsed = await store.lapsed(pod, leases);
    if (lapsed.ok) evidence.contradicted(lapsed.value);
  }

  #checkOrphan(entry: Entry, expiryMs: number | undefined): void {
    const entries = this.#entries;
    if (entries.hasSpeaker(entry) || !entries.isThere(entry) || entries.isDue(entry)) return;
    if (expiryMs === undefined) entries.drop(entry.pod, entry.lease);
    else if (entry.expiryMs !== undefined && expiryMs !== entry.expiryMs) entries.movedAway(entry);
    else entry.expiryMs = expiryMs;
  }
}
