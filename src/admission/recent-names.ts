/**
 * Names in use, up to a bound, so that invented ones cannot fill the memory. One that nobody has used for an hour, or
 * two at most, makes room for another.
 */

const GENERATION_MS = 60 * 60 * 1000;

export class RecentNames<Name extends string> {
  readonly #max: number;
  #young = new Set<Name>();
  #old = new Set<Name>();
  #youngSinceMs = performance.now();

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether the name is in use now: false when there are too many others. */
  use(name: Name): boolean {
    this.#age();
    if (this.#young.has(name)) return true;
    if (!this.#old.delete(name) && this.#young.size + this.#old.size >= this.#max) return false;
    this.#young.add(name);
    return true;
  }

  #age(): void {
    const nowMs = performance.now();
    if (nowMs - this.#youngSinceMs < GENERATION_MS) return;
    this.#old = this.#young;
    this.#young = new Set();
    this.#youngSinceMs = nowMs;
  }
}
