/**
 * Releases on their way to the store. What one turn of the event loop brings goes out in one call per pod; what the
 * store could not be told waits, up to a bound.
 */

import { chunks } from './chunks.ts';
import type { Events, ReleaseCause } from './events.ts';
import type { LeaseId, PodId } from './ids.ts';
import type { LeaseStore } from './lease-store.ts';

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

export class ReleaseQueue {
  readonly #store: LeaseStore;
  readonly #events: Events;
  readonly #max: number;
  readonly #releases = new Map<LeaseId, Release>();
  #arrived = false;
  #flushing: Promise<void> | undefined;

  constructor(parts: { store: LeaseStore; events: Events }, max: number) {
    this.#store = parts.store;
    this.#events = parts.events;
    this.#max = max;
  }

  get size(): number {
    return this.#releases.size;
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

  /** Takes back a release that still waits: the lease is wanted again. */
  takeBack(pod: PodId, lease: LeaseId): void {
    if (this.#releases.get(lease)?.pod === pod) this.#releases.delete(lease);
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
    const answer = await this.#store.release(
      first.pod,
      releases.map(({ lease }) => lease),
    );
    for (const release of releases) {
      if (!answer.ok) release.sent = false;
      else if (this.#releases.get(release.lease) === release) this.#releases.delete(release.lease);
    }
    if (answer.ok && answer.value > 0) this.#events.emit('released', first.pod, first.cause, answer.value);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
