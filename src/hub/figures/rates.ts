/** How many connections a second the fleet admits, denies and frees, counted by the events of gates. */

import type { CloudEvent } from '../events/cloud-event.ts';
import { isFromGate } from '../events/domain-event.ts';

export interface PerSecond {
  readonly admitted: number;
  readonly denied: number;
  readonly released: number;
}

/** How many there have been since the gate started. */
export type Told = Readonly<Record<keyof PerSecond, number>>;

const OVER_S = 5;

const KIND: Readonly<Record<string, keyof PerSecond>> = {
  'connection.admitted': 'admitted',
  'connection.denied': 'denied',
  'connection.released': 'released',
  'connection.expired': 'released',
};

export class Rates {
  readonly #told = { admitted: 0, denied: 0, released: 0 };
  /** For each of the last seconds. */
  #seconds: { readonly at: number; readonly counts: Record<keyof PerSecond, number> }[] = [];

  note(event: CloudEvent): void {
    const kind = isFromGate(event) ? KIND[event.type] : undefined;
    if (kind === undefined) return;
    const { count } = event.data;
    const times = typeof count === 'number' ? count : 1;
    this.#told[kind] += times;
    const at = Math.floor(performance.now() / 1000);
    let second = this.#seconds.at(-1);
    if (second?.at !== at) {
      second = { at, counts: { admitted: 0, denied: 0, released: 0 } };
      this.#seconds.push(second);
      this.#seconds = this.#seconds.slice(-(OVER_S + 1));
    }
    second.counts[kind] += times;
  }

  told(): Told {
    return { ...this.#told };
  }

  /** Over the last five seconds. */
  perSecond(): PerSecond {
    const nowS = Math.floor(performance.now() / 1000);
    const lately = this.#seconds.filter(({ at }) => nowS - at < OVER_S);
    const mean = (kind: keyof PerSecond) => lately.reduce((sum, { counts }) => sum + counts[kind], 0) / OVER_S;
    return { admitted: mean('admitted'), denied: mean('denied'), released: mean('released') };
  }
}
