/**
 * The share: how many upgrades this gate may admit alone, while the store cannot be asked.
 *
 * The gate knows each pod's last count, and how many gates there were. Of the room that was left, each gate may use an
 * equal part, and whatever its own connections free; of a connection with both doors, one gate hears the log and one holds a
 * stream, and it is that one's whose door gave the slot. So the fleet stays within the limit, plus what others admitted
 * between the last count that this gate read and the outage.
 *
 * A pod of which no count was read held nothing. Before all pods have been counted once, nothing is known, and nobody
 * is admitted. Only counts that are trusted are news: until then the gate goes by those from before.
 */

import { chooseAmong } from './choice.ts';
import type { Events } from './events.ts';
import type { LeaseId, PodId } from './ids.ts';
import { type Choice, LEAST, type Order } from './lease-store.ts';
import type { Standing } from './standing.ts';

interface Alone {
  /** Not in any count yet. */
  readonly admitted: Set<LeaseId>;
  /** How many connections of this gate, counted before, have closed since. */
  freed: number;
}

export class Share {
  readonly #standing: Standing;
  /** Of pods that hold something. */
  readonly #counts = new Map<PodId, number>();
  readonly #alone = new Map<PodId, Alone>();
  #countedAll = false;
  #gates = 1;

  constructor(standing: Standing, events: Events) {
    this.#standing = standing;
    events.on('standingChanged', (state) => {
      if (state === 'synced') this.#alone.clear(); // all of it is counted by now
    });
  }

  get gates(): number {
    return this.#gates;
  }

  /** Whether all pods have been counted once. Until then nobody is admitted. */
  get isKnown(): boolean {
    return this.#countedAll;
  }

  /** The store told a pod's count. */
  counted(pod: PodId, count: number): void {
    if (!this.#standing.synced) return;
    if (count > 0) this.#counts.set(pod, count);
    else this.#counts.delete(pod);
  }

  /** The store has told the counts of all pods, and how many gates there are, this one included. */
  countedAll(gates: number): void {
    if (!this.#standing.synced) return;
    this.#countedAll = true;
    this.#gates = Math.max(gates, 1);
  }

  /** Takes a slot of this gate's part, if one is left. A lease that asks twice takes one slot. */
  admit(pod: PodId, limit: number, lease: LeaseId): boolean {
    if (!this.#countedAll) return false;
    const alone = this.#aloneWith(pod);
    if (!alone.admitted.has(lease) && this.#left(pod, limit) <= 0) return false;
    alone.admitted.add(lease);
    return true;
  }

  /** Of this gate's part of the pod. */
  #left(pod: PodId, limit: number): number {
    const left = limit - (this.#counts.get(pod) ?? 0);
    // Over the limit, what this gate's connections free must bring the pod below it first.
    const part = left > 0 ? Math.floor(left / this.#gates) : left;
    const alone = this.#alone.get(pod);
    return alone ? part + alone.freed - alone.admitted.size : part;
  }

  /** The pod that it admitted this lease to before; or one in which this gate's part has something left, as the store would. */
  choose(
    pods: readonly (readonly [PodId, number])[],
    lease: LeaseId,
    choice: Choice = LEAST,
    order: Order = {},
  ): PodId | undefined {
    const before = pods.find(([pod]) => this.#alone.get(pod)?.admitted.has(lease));
    if (before) return before[0];
    const rooms = pods.map(([pod, limit]) => ({ pod, count: this.#countOf(pod), room: this.#left(pod, limit) }));
    return chooseAmong(rooms, choice, order);
  }

  /** As far as this gate knows. */
  #countOf(pod: PodId): number {
    const alone = this.#alone.get(pod);
    return (this.#counts.get(pod) ?? 0) + (alone ? alone.admitted.size - alone.freed : 0);
  }

  /** The store has written these leases: its next count holds them. */
  written(pod: PodId, leases: readonly LeaseId[]): void {
    if (!this.#standing.synced) return;
    const alone = this.#alone.get(pod);
    if (alone) for (const lease of leases) alone.admitted.delete(lease);
  }

  /** A connection of this gate has closed, or never opened. `held`: it was open before. */
  freed(pod: PodId, lease: LeaseId, held: boolean): void {
    const alone = this.#aloneWith(pod);
    if (!alone.admitted.delete(lease) && held) alone.freed += 1;
  }

  /** A connection of this gate is at another pod than where it was admitted. There it takes a slot, left or not. */
  moved(from: PodId, to: PodId, lease: LeaseId): void {
    this.freed(from, lease, true);
    this.#aloneWith(to).admitted.add(lease);
  }

  #aloneWith(pod: PodId): Alone {
    let alone = this.#alone.get(pod);
    if (!alone) {
      alone = { admitted: new Set(), freed: 0 };
      this.#alone.set(pod, alone);
    }
    return alone;
  }
}
