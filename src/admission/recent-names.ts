/**
 * Names in use, up to a bound, so that invented ones cannot fill the memory. When there are as many as there may be, the
 * least recently used one that holds nothing gives way to a new one. Only when each holds something is the new one
 * turned away.
 *
 * Asking a name whether it holds anything is left until its place is wanted. One that does is set aside, so that nobody
 * asks it again for each new name; those are looked through when no other is left, and then at most once a second. So a
 * flood of new names costs no more than the names themselves, and a name that has become free is found within a second.
 */

const LOOK_AGAIN_MS = 1000;
/** Names that are looked through at a time, which takes about a millisecond; the others are next. */
const LOOKED_AT_MAX = 10_000;

export interface RecentNamesOptions<Name extends string> {
  readonly max: number;
  readonly holds: (name: Name) => boolean;
  readonly gaveWay: (name: Name) => void;
}

export class RecentNames<Name extends string> {
  readonly #options: RecentNamesOptions<Name>;
  /** In the order of their last use. */
  readonly #names = new Set<Name>();
  /** Those that held something when a place was wanted. */
  readonly #setAside = new Set<Name>();
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: RecentNamesOptions<Name>) {
    this.#options = options;
  }

  has(name: Name): boolean {
    return this.#names.has(name) || this.#setAside.has(name);
  }

  /** Whether the name is in use now: false when there are too many others, and all of them hold something. */
  use(name: Name): boolean {
    if (this.#setAside.has(name)) return true;
    const hasPlace = this.#names.delete(name) || this.#size < this.#options.max || this.#makeRoom();
    if (hasPlace) this.#names.add(name); // to the end of the order
    return hasPlace;
  }

  get #size(): number {
    return this.#names.size + this.#setAside.size;
  }

  #makeRoom(): boolean {
    if (this.#oldestGivesWay()) return true;
    this.#lookAgain();
    return this.#oldestGivesWay();
  }

  #oldestGivesWay(): boolean {
    const { holds, gaveWay } = this.#options;
    for (const name of this.#names) {
      this.#names.delete(name);
      if (!holds(name)) {
        gaveWay(name);
        return true;
      }
      this.#setAside.add(name);
    }
    return false;
  }

  #lookAgain(): void {
    const nowMs = performance.now();
    if (nowMs - this.#lookedAtMs < LOOK_AGAIN_MS) return;
    this.#lookedAtMs = nowMs;
    let left = Math.min(this.#setAside.size, LOOKED_AT_MAX);
    for (const name of this.#setAside) {
      if (left === 0) return;
      left -= 1;
      this.#setAside.delete(name);
      const place = this.#options.holds(name) ? this.#setAside : this.#names;
      place.add(name);
    }
  }
}
