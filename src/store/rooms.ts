/**
 * Pods by how much room they have: those with the same room stand together, so that the one with the most is found without
 * looking through all. Those below a soft limit stand before all others.
 */

import type { PodId } from '../admission/ids.ts';

export interface Found {
  readonly pod: PodId;
  /** Whether it is below its soft limit. */
  readonly isBelow: boolean;
}

export class Rooms {
  readonly #below = new Levels();
  readonly #above = new Levels();

  get size(): number {
    return this.#below.size + this.#above.size;
  }

  has(pod: PodId): boolean {
    return this.#below.has(pod) || this.#above.has(pod);
  }

  stand(pod: PodId, room: number, isBelow: boolean): void {
    this.leave(pod);
    (isBelow ? this.#below : this.#above).stand(pod, room);
  }

  leave(pod: PodId): void {
    this.#below.leave(pod);
    this.#above.leave(pod);
  }

  /** As many as that, if there are so many that have room. */
  roomiest(count: number): PodId[] {
    return [...this.#below.inOrder(), ...this.#above.inOrder()].slice(0, count);
  }

  /** The one with the most room, or with the least, if any has some. */
  find(which: 'most' | 'least'): Found | undefined {
    const below = this.#below[which]();
    const pod = below ?? this.#above[which]();
    return pod && { pod, isBelow: below !== undefined };
  }
}

class Levels {
  readonly #pods = new Map<number, Set<PodId>>();
  readonly #rooms = new Map<PodId, number>();
  /** No pod has more room. */
  #most = 0;

  get size(): number {
    return this.#rooms.size;
  }

  has(pod: PodId): boolean {
    return this.#rooms.has(pod);
  }

  stand(pod: PodId, room: number): void {
    this.#rooms.set(pod, room);
    const others = this.#pods.get(room) ?? new Set();
    this.#pods.set(room, others.add(pod));
    this.#most = Math.max(this.#most, room);
  }

  leave(pod: PodId): void {
    const room = this.#rooms.get(pod);
    if (room === undefined) return;
    this.#rooms.delete(pod);
    const others = this.#pods.get(room);
    others?.delete(pod);
    if (others?.size === 0) this.#pods.delete(room);
  }

  most(): PodId | undefined {
    for (; this.#most > 0; this.#most -= 1) {
      const [pod] = this.#pods.get(this.#most) ?? [];
      if (pod !== undefined) return pod;
    }
    return undefined;
  }

  *inOrder(): Iterable<PodId> {
    for (const room of [...this.#pods.keys()].filter((each) => each > 0).sort((a, b) => b - a)) {
      yield* this.#pods.get(room) ?? [];
    }
  }

  /** Packed pods are full or empty, so there are few levels. */
  least(): PodId | undefined {
    let least = Number.POSITIVE_INFINITY;
    for (const room of this.#pods.keys()) if (room > 0 && room < least) least = room;
    const [pod] = this.#pods.get(least) ?? [];
    return pod;
  }
}
