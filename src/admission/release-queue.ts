/**
 * Releases on their way to the store. What one turn of the event loop brings goes out in one call per pod; what the
 * store could not be told waits, up to a bound. What has ended lately is told again to a store that may have lost it.
 */

import { chunks } from './chunks.ts';
import type { Events, ReleaseCause } from './events.ts';
import type { LeaseId, PodId } from './ids.ts';
import { mustHold } from './invariants.ts';
import type { Answer, LeaseStore } from './lease-store.ts';
import { RecentlyEnded } from './recently-ended.ts';

/** The most leases that one call takes out, so that no script holds the store for long. */
const LEASES_PER_CALL = 1000;
const CALLS_AT_ONCE = 50;

interface Release {
  readonly pod: PodId;
  readonly lease: LeaseId;
  readonly cause: ReleaseCause;
  /** On its way, without an answer yet. */
  sent: boolean;
}

export interface ReleaseOptions {
  readonly ttlMs: number;
  /** Releases that may wait for the store. */
  readonly releasesMax: number;
}

export class ReleaseQueue {
  readonly #store: LeaseStore;
  readonly #events: Events;
  readonly #max: number;
  readonly #ended: RecentlyEnded;
  /** Two ttls: longer than any ledger renews a connection whose end it missed. */
  readonly #endedMs: number;
  readonly #contradicted: (leases: readonly LeaseId[]) => void;
  readonly #releases = new Map<LeaseId, Release>();
  #arrived = false;
  #flushing: Promise<void> | undefined;

  constructor(
    parts: {
      store: LeaseStore;
      events: Events;
      /** Called with leases that were taken out by silence, and whose end has come only now. */
      contradicted: (leases: readonly LeaseId[]) => void;
    },
    { ttlMs, releasesMax }: ReleaseOptions,
  ) {
    this.#store = parts.store;
    this.#events = parts.events;
    this.#contradicted = parts.contradicted;
    this.#max = releasesMax;
    this.#ended = new RecentlyEnded(ttlMs, releasesMax);
    this.#endedMs = 2 * ttlMs;
  }

  get size(): number {
    return this.#releases.size;
  }

  /** Whether the connection is known to be closed. */
  hasEnded(lease: LeaseId): boolean {
    return this.#ended.has(lease);
  }

  /** The proxy says that the connection is closed. */
  ended(pod: PodId, lease: LeaseId): void {
    this.#ended.add(pod, lease, performance.now());
    this.add(pod, lease, 'closed');
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

  /** Beyond the bound a release is given up: its lease will expire, and the reaper finds it. */
  add(pod: PodId, lease: LeaseId, cause: ReleaseCause): void {
    if (this.#releases.size >= this.#max && !this.#releases.has(lease)) {
      this.#events.emit('releaseDropped', pod, lease);
      return;
    }
    this.#releases.set(lease, { pod, lease, cause, sent: false });
    this.#arrived = true;
    void this.flush();
  }

  /** Tells the store at once, or not at all. */
  async now(pod: PodId, lease: LeaseId, cause: ReleaseCause): Promise<void> {
    await this.#release(pod, [lease], cause);
  }

  /** Takes back a withdrawal that still waits: the lease is wanted again. What is closed stays so. */
  takeBack(pod: PodId, lease: LeaseId): void {
    const release = this.#releases.get(lease);
    if (release?.pod === pod && release.cause === 'cancelled') this.#releases.delete(lease);
  }

  /** Resolves when all that can be told now has been told. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush();
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    do {
      await nextTurn();
      this.#arrived = false;
      if (this.#store.up) await this.#sendAll();
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
      else if (this.#releases.get(release.lease) === release) this.#releases.delete(release.lease);
    }
  }

  /** Who asked and left may have another answer by now; what is closed stays so. */
  async #release(pod: PodId, leases: readonly LeaseId[], cause: ReleaseCause): Promise<Answer<number>> {
    const withdrawn = cause === 'cancelled';
    const answer = await (withdrawn
      ? this.#store.withdraw(pod, leases)
      : this.#store.release(pod, leases, this.#endedMs));
    if (answer.ok) mustHold(this.#events, 'answered-too-many', answer.value <= leases.length);
    if (answer.ok && answer.value > 0) this.#events.emit('released', pod, cause, answer.value);
    if (answer.ok && !withdrawn && answer.value < leases.length) {
      const lapsed = await this.#store.lapsed(pod, leases);
      if (lapsed.ok && lapsed.value.length > 0) this.#contradicted(lapsed.value);
    }
    return answer;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
