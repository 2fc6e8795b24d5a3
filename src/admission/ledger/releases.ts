/**
 * Releases on their way to the store. What one turn of the event loop brings goes out in one call for each pod; what the
 * store could not be told waits, up to a bound. What has ended lately is told again to a store that may have lost it.
 */

import { chunks } from '../chunks.ts';
import type { ReleaseCause } from '../events.ts';
import { isPod, type LeaseId, type Where } from '../ids.ts';
import type { Answer } from '../lease-store.ts';
import type { Parts } from '../parts.ts';
import type { Entries } from './entries.ts';
import type { RecentlyEnded } from './recently-ended.ts';

/** The maximum number of leases in one call, so that no script holds the store for long. */
const LEASES_PER_CALL = 1000;
const CALLS_AT_ONCE = 50;

interface Release {
  readonly pod: Where;
  readonly lease: LeaseId;
  readonly cause: ReleaseCause;
  /** On its way, without an answer yet. */
  sent: boolean;
}

export interface Ended {
  /** Or its service, where nothing tells which pod it got. */
  readonly pod: Where;
  readonly lease: LeaseId;
  /** As in a sighting. */
  readonly movedFrom?: Where | undefined;
  /** Whether it was this gate's connection: no other gate hears of its end and may use the slot again without the store. */
  readonly isOurs?: boolean;
}

export interface ReleaseOptions {
  readonly ttlMs: number;
  /** Releases that may wait for the store. */
  readonly releasesMax: number;
}

export class Releases {
  readonly #parts: Parts;
  readonly #entries: Entries;
  readonly #ended: RecentlyEnded;
  readonly #max: number;
  /** Two ttls: longer than any ledger renews a connection whose end it missed. */
  readonly #endedMs: number;
  readonly #releases = new Map<string, Release>();
  #arrived = false;
  #flushing: Promise<void> | undefined;

  constructor(parts: Parts, entries: Entries, ended: RecentlyEnded, { ttlMs, releasesMax }: ReleaseOptions) {
    this.#parts = parts;
    this.#entries = entries;
    this.#ended = ended;
    this.#max = releasesMax;
    this.#endedMs = 2 * ttlMs;
  }

  /** How many wait for the store. */
  get size(): number {
    return this.#releases.size;
  }

  /** The proxy says that the connection is closed. */
  ended({ pod, lease, movedFrom = pod, isOurs = true }: Ended): void {
    if (!this.#parts.presence.speaks(pod, lease)) return;
    const known = this.#entries.podsOf(lease);
    const at = known[0] ?? pod;
    this.#forget(at, lease, isOurs);
    this.#ended.add(at, lease, performance.now());
    for (const each of new Set([...known, pod, movedFrom])) this.#add(each, lease, 'closed');
  }

  /** The connection has its slot at another pod now. */
  moved(pod: Where, lease: LeaseId): void {
    this.#add(pod, lease, 'moved');
  }

  /** Frees the slot of an upgrade that was denied, whatever the store did: now or as soon as it answers. */
  withdraw(pod: Where, lease: LeaseId): void {
    this.#forget(pod, lease);
    this.#add(pod, lease, 'cancelled');
  }

  /**
   * Frees the slot of an upgrade that nobody waits for any more: now or never. Envoy may ask again for the same lease, at
   * another gate; if our own question never reached the store, its lease would be indistinguishable from ours. Where no
   * connection came of it, the log tells its end.
   */
  giveBack(pod: Where, lease: LeaseId): void {
    this.#forget(pod, lease);
    void this.#release(pod, [lease], 'cancelled');
  }

  /** Takes back a withdrawal that still waits: the lease is wanted again. What is closed stays so. */
  takeBack(pod: Where, lease: LeaseId): void {
    const key = keyOf(pod, lease);
    if (this.#releases.get(key)?.cause === 'cancelled') this.#releases.delete(key);
  }

  /** Tells the store all that has ended lately. Resolves to whether it was reached. */
  async repeat(): Promise<boolean> {
    const calls = [...Map.groupBy(this.#ended, ([, pod]) => pod)].flatMap(([pod, ended]) =>
      [...chunks(ended, LEASES_PER_CALL)].map((some) => ({ pod, leases: some.map(([lease]) => lease) })),
    );
    for (const some of chunks(calls, CALLS_AT_ONCE)) {
      const answers = await Promise.all(some.map(({ pod, leases }) => this.#release(pod, leases, 'closed')));
      if (answers.some((answer) => !answer.ok && answer.why !== 'refused')) return false;
    }
    return true;
  }

  /** Resolves when all that can be told now has been told. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush();
    return this.#flushing;
  }

  /** The connection is gone, or never came: the ledger has it no longer. */
  #forget(where: Where, lease: LeaseId, isOurs = true): void {
    const { share, standing } = this.#parts;
    const pod = isPod(where) ? where : this.#entries.podsOf(lease)[0];
    if (!pod) return;
    if (!standing.synced && isOurs) share.freed(pod, lease, this.#entries.has(lease));
    this.#entries.drop(pod, lease);
  }

  /** Beyond the bound a release is given up: its lease will expire, and the reaper finds it. */
  #add(pod: Where, lease: LeaseId, cause: ReleaseCause): void {
    const key = keyOf(pod, lease);
    if (this.#releases.size >= this.#max && !this.#releases.has(key)) {
      this.#parts.events.emit('releaseDropped', pod, lease);
      return;
    }
    this.#releases.set(key, { pod, lease, cause, sent: false });
    this.#arrived = true;
    void this.flush();
  }

  async #flush(): Promise<void> {
    do {
      await nextTurn();
      this.#arrived = false;
      if (this.#parts.store.up) await this.#sendAll();
    } while (this.#arrived);
    this.#flushing = undefined;
  }

  async #sendAll(): Promise<void> {
    const waiting = [...this.#releases.values()].filter(({ sent }) => !sent);
    const calls = [...Map.groupBy(waiting, ({ pod, cause }) => `${cause} ${pod}`).values()].flatMap((group) => [
      ...chunks(group, LEASES_PER_CALL),
    ]);
    for (const some of chunks(calls, CALLS_AT_ONCE)) await Promise.all(some.map((releases) => this.#send(releases)));
  }

  /** Releases of one pod and one cause. */
  async #send(releases: readonly Release[]): Promise<void> {
    const [first] = releases;
    if (!first) return;
    for (const release of releases) release.sent = true;
    const leases = releases.map(({ lease }) => lease);
    const answer = await this.#release(first.pod, leases, first.cause);
    for (const release of releases) {
      if (!answer.ok) release.sent = false;
      else this.#settle(release);
    }
  }

  #settle(release: Release): void {
    const key = keyOf(release.pod, release.lease);
    if (this.#releases.get(key) === release) this.#releases.delete(key);
  }

  /** Who asked and left may have another answer by now; what is closed stays so. */
  async #release(pod: Where, leases: readonly LeaseId[], cause: ReleaseCause): Promise<Answer<number>> {
    const { events, evidence, store } = this.#parts;
    const withdrawn = cause === 'cancelled';
    const answer = await (withdrawn ? store.withdraw(pod, leases) : store.release(pod, leases, this.#endedMs));
    if (!answer.ok) return answer;
    events.mustHold('answered-too-many', answer.value <= leases.length);
    if (answer.value > 0) events.emit('released', pod, cause, answer.value);
    if (!withdrawn && answer.value < leases.length) {
      const lapsed = await store.lapsed(pod, leases);
      if (lapsed.ok) evidence.contradicted(lapsed.value);
    }
    return answer;
  }
}

function keyOf(pod: Where, lease: LeaseId): string {
  return `${pod} ${lease}`;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
