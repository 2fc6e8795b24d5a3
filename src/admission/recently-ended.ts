/**
 * The leases that ended within the last while, so that a late or repeated word of one does not bring it back.
 * A stream's identity never comes again, so nothing true is ever held back.
 */

import type { LeaseId } from './ids.ts';

export class RecentlyEnded {
  readonly #max: number;
  #young = new Set<LeaseId>();
  #old = new Set<LeaseId>();

  constructor(max: number) {
    this.#max = max;
  }

  add(lease: LeaseId): void {
    if (this.#young.size >= this.#max) this.age();
    this.#young.add(lease);
  }

  has(lease: LeaseId): boolean {
    return this.#young.has(lease) || this.#old.has(lease);
  }

  /** Of two generations, the older one is thrown away. */
  age(): void {
    this.#old = this.#young;
    this.#young = new Set();
  }
}
