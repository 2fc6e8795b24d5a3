/**
 * What the embedded store knows of a service beside its pods: which of them has a lease, and how much room each has that
 * takes new ones.
 */

import type { LeaseId, PodId } from '../admission/ids.ts';
import { AVOIDED, type Choice, type Order } from '../admission/lease-store.ts';
import { tally } from '../admission/tally.ts';
import { type Found, Rooms } from './rooms.ts';

interface Avoidance {
  readonly untilMs: number;
  readonly forMs: number;
}

/** The number of a pod's leases. */
type CountOf = (pod: PodId) => number;

export class Service {
  readonly #at = new Map<LeaseId, PodId>();
  readonly #limits = new Map<PodId, number>();
  readonly #rooms = new Rooms();
  /** Of the pods of each zone. */
  readonly #zones = new Map<string, Rooms>();
  /** The number of leases of each zone. */
  readonly #zoneCounts = new Map<string, number>();
  #order: Order = {};
  /** Pods that refused a connection: until when they are avoided, and for how long. In the order in which they did. */
  readonly #avoided = new Map<PodId, Avoidance>();
  /** The last time that each was. */
  readonly #refusals = new Map<PodId, Avoidance>();

  /** The pod that has the lease. */
  at(lease: LeaseId): PodId | undefined {
    return this.#at.get(lease);
  }

  /** Whether anybody has told which pods there are. */
  get isKnown(): boolean {
    return this.#rooms.size + this.#avoided.size > 0;
  }

  /** Pods that refused a connection, and until when they are avoided. */
  get avoided(): ReadonlyMap<PodId, number> {
    return new Map([...this.#avoided].map(([pod, { untilMs }]) => [pod, untilMs]));
  }

  enrol(pods: ReadonlyMap<PodId, number>, order: Order, countOf: CountOf): void {
    for (const pod of this.#limits.keys()) {
      this.#leave(pod);
      if (pods.has(pod)) continue;
      for (const known of [this.#limits, this.#avoided, this.#refusals]) known.delete(pod);
    }
    this.#order = order;
    this.#zones.clear();
    this.#zoneCounts.clear();
    for (const [pod, limit] of pods) {
      this.#limits.set(pod, limit);
      this.#noteInZone(pod, countOf(pod));
      if (!this.#avoided.has(pod)) this.#stand(pod, countOf(pod));
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

  /** One that has room, if any has some; one that is avoided where no other has. */
  choose({ pick, first = [] }: Choice, nowMs: number, countOf: CountOf): PodId | undefined {
    for (const [pod, { untilMs }] of this.#avoided) {
      if (untilMs > nowMs) continue;
      this.#avoided.delete(pod);
      this.#stand(pod, countOf(pod));
    }
    const hasRoom = (pod: PodId) => (this.#limits.get(pod) ?? 0) > countOf(pod);
    const asked = first.find((pod) => this.#rooms.has(pod) && hasRoom(pod));
    if (asked) return asked;
    const spread = pick === 'spread' ? this.#inZone() : undefined;
    const found = spread ?? this.#rooms.find(pick === 'pack' ? 'least' : 'most');
    return found?.pod ?? this.#avoided.keys().find(hasRoom);
  }

  /** So many, but this one, those with the most room first. */
  roomiest(count: number, but: PodId): PodId[] {
    const some = this.#rooms.roomiest(count + 1);
    return some.filter((pod) => pod !== but).slice(0, count);
  }

  #inZone(): Found | undefined {
    let best: (Found & { readonly count: number }) | undefined;
    for (const [zone, rooms] of this.#zones) {
      const found = rooms.find('most');
      const count = this.#zoneCounts.get(zone) ?? 0;
      const isBetter = best?.isBelow === found?.isBelow ? count < (best?.count ?? 0) : found?.isBelow;
      if (found && (!best || isBetter)) best = { ...found, count };
    }
    return best;
  }

  came(pod: PodId, lease: LeaseId, count: number): void {
    this.#at.set(lease, pod);
    this.#counted(pod, count, 1);
  }

  went(pod: PodId, lease: LeaseId, count: number): void {
    this.#at.delete(lease);
    this.#counted(pod, count, -1);
  }

  #counted(pod: PodId, count: number, more: number): void {
    if (!this.#limits.has(pod)) return;
    this.#noteInZone(pod, more);
    if (this.#rooms.has(pod)) this.#stand(pod, count);
  }

  #noteInZone(pod: PodId, more: number): void {
    const zone = this.#order.zones?.get(pod);
    if (zone !== undefined) tally(this.#zoneCounts, zone, more);
  }

  #stand(pod: PodId, count: number): void {
    const room = (this.#limits.get(pod) ?? 0) - count;
    const isBelow = count < (this.#order.softLimit ?? Number.POSITIVE_INFINITY);
    this.#rooms.stand(pod, room, isBelow);
    const zone = this.#order.zones?.get(pod);
    if (zone === undefined) return;
    const rooms = this.#zones.get(zone) ?? new Rooms();
    this.#zones.set(zone, rooms);
    rooms.stand(pod, room, isBelow);
  }

  #leave(pod: PodId): void {
    this.#rooms.leave(pod);
    this.#zones.get(this.#order.zones?.get(pod) ?? '')?.leave(pod);
  }
}
