/**
 * What the embedded store knows of a service beside its pods: which of them has a lease, and how much room each has that
 * takes new ones. Those with the same room stand together, so that the one with the most is found without looking
 * through all.
 */

import type { LeaseId, PodId } from '../admission/ids.ts';
import { AVOIDED } from '../admission/lease-store.ts';

interface Avoidance {
  readonly untilMs: number;
  readonly forMs: number;
}

export class Service {
  readonly #at = new Map<LeaseId, PodId>();
  readonly #limits = new Map<PodId, number>();
  /** By room. */
  readonly #pods = new Map<number, Set<PodId>>();
  readonly #rooms = new Map<PodId, number>();
  /** Pods that refused a connection: until when they are avoided, and for how long. In the order in which they did. */
  readonly #avoided = new Map<PodId, Avoidance>();
  /** The last time that each was. */
  readonly #refusals = new Map<PodId, Avoidance>();
  /** No pod has more room. */
  #most = 0;

  /** The pod that has the lease. */
  at(lease: LeaseId): PodId | undefined {
    return this.#at.get(lease);
  }

  /** Whether anybody has told which pods there are. */
  get isKnown(): boolean {
    return this.#rooms.size + this.#avoided.size > 0;
  }

  /** `countOf`: the number of a pod's leases. */
  enrol(pods: ReadonlyMap<PodId, number>, countOf: (pod: PodId) => number): void {
    for (const pod of this.#limits.keys()) {
      if (pods.has(pod)) continue;
      this.#leave(pod);
      for (const known of [this.#limits, this.#avoided, this.#refusals]) known.delete(pod);
    }
    for (const [pod, limit] of pods) {
      this.#limits.set(pod, limit);
      if (!this.#avoided.has(pod)) this.#stand(pod, limit - countOf(pod));
    }
  }

  /** Returns for how long, ms; 0 where it is avoided already or takes no new leases. */
  avoid(pod: PodId, nowMs: number): number {
    if (!this.#rooms.has(pod)) return 0;
    this.#leave(pod);
    const last = this.#refusals.get(pod);
    const again = last !== undefined && nowMs - last.untilMs < 2 * last.forMs;
    const forMs = again ? Math.min(2 * last.forMs, AVOIDED.maxMs) : AVOIDED.firstMs;
    const avoidance = { forMs, untilMs: nowMs + forMs };
    this.#avoided.set(pod, avoidance);
    this.#refusals.set(pod, avoidance);
    return forMs;
  }

  /** The pod with the most room, if any has some; one that is avoided where no other has. */
  roomiest(nowMs: number, countOf: (pod: PodId) => number): PodId | undefined {
    for (const [pod, { untilMs }] of this.#avoided) {
      if (untilMs > nowMs) continue;
      this.#avoided.delete(pod);
      this.#stand(pod, this.#roomOf(pod, countOf));
    }
    return this.#roomiest() ?? this.#avoided.keys().find((pod) => this.#roomOf(pod, countOf) > 0);
  }

  #roomOf(pod: PodId, countOf: (pod: PodId) => number): number {
    return (this.#limits.get(pod) ?? 0) - countOf(pod);
  }

  #roomiest(): PodId | undefined {
    for (; this.#most > 0; this.#most -= 1) {
      const [pod] = this.#pods.get(this.#most) ?? [];
      if (pod !== undefined) return pod;
    }
    return undefined;
  }

  came(pod: PodId, lease: LeaseId, count: number): void {
    this.#at.set(lease, pod);
    this.#counted(pod, count);
  }

  went(pod: PodId, lease: LeaseId, count: number): void {
    this.#at.delete(lease);
    this.#counted(pod, count);
  }

  #counted(pod: PodId, count: number): void {
    const limit = this.#limits.get(pod);
    if (limit !== undefined && this.#rooms.has(pod)) this.#stand(pod, limit - count);
  }

  #stand(pod: PodId, room: number): void {
    this.#leave(pod);
    this.#rooms.set(pod, room);
    const others = this.#pods.get(room) ?? new Set();
    this.#pods.set(room, others.add(pod));
    this.#most = Math.max(this.#most, room);
  }

  #leave(pod: PodId): void {
    const room = this.#rooms.get(pod);
    if (room === undefined) return;
    this.#rooms.delete(pod);
    const others = this.#pods.get(room);
    others?.delete(pod);
    if (others?.size === 0) this.#pods.delete(room);
  }
}
