/**
 * Connections whose stream of the hold door broke, where there is no other door. Envoy never opens a second one, so nobody
 * can speak of them any more: each keeps its slot for `lease.unrenewedMax`, whether it closes or lives on. That is what the
 * design gives up, for these and for no others. How many they are, the Envoys say just before.
 */

import type { Connection } from './crowd.ts';
import { LOOK_MS, RENEWED_MS, SCALE } from './scale.ts';

export class Unheld {
  /** How many streams broke, at most. */
  most = 0;
  /** By `performance.now()`: what must not come too early is measured by the time that Redis goes by. */
  #firstMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;

  /** So many streams are about to break; by `machineNow()`. */
  note(streams: number, atMs: number): void {
    if (streams === 0) return;
    this.most += streams;
    this.#firstMs = Math.min(this.#firstMs, performance.now());
    this.#lastMs = atMs;
  }

  /** By then, all slots that nobody can speak of are free. Undefined when no stream broke. */
  get overMs(): number | undefined {
    return this.most === 0 ? undefined : this.#lastMs + SCALE.unrenewedMaxMs + LOOK_MS;
  }

  /** Whether the stream of a connection that was asked for then may be among them. */
  mayBe(askedAtMs: number): boolean {
    return askedAtMs <= this.#lastMs;
  }

  /** Whether a live one of them may have lost its slot so long ago: the last word of it was not long before the break. */
  mayBeOutlived({ askedAtMs }: Connection, agoMs: number): boolean {
    return this.mayBe(askedAtMs) && performance.now() - agoMs >= this.#firstMs + SCALE.unrenewedMaxMs - RENEWED_MS;
  }
}
