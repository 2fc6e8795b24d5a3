/**
 * The last events, in the order in which they arrived here: for clients that come back, and to know an event that
 * arrives a second time. Each has a number, one more than that of the event before it.
 */

import type { CloudEvent } from '../events/cloud-event.ts';
import type { Facts } from './filters.ts';

/** An event as everything here hands it on: serialised once, and looked at once. */
export interface Delivery {
  readonly event: CloudEvent;
  readonly json: string;
  readonly facts: Facts;
  /** At this gate, by `performance.now()`. */
  readonly arrivedAtMs: number;
}

export class EventHistory {
  readonly #max: number;
  readonly #ring: Delivery[] = [];
  readonly #numbers = new Map<string, number>();
  #next = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** The number that the next event will have. */
  get next(): number {
    return this.#next;
  }

  has(id: string): boolean {
    return this.#numbers.has(id);
  }

  add(delivery: Delivery): void {
    const place = this.#next % this.#max;
    const oldest = this.#ring[place];
    if (oldest) this.#numbers.delete(oldest.event.id);
    this.#ring[place] = delivery;
    this.#numbers.set(delivery.event.id, this.#next);
    this.#next += 1;
  }

  numberOf(id: string): number | undefined {
    return this.#numbers.get(id);
  }

  /** Undefined when it has been forgotten, or is still to come. */
  at(number: number): Delivery | undefined {
    return number >= this.#next - this.#max && number < this.#next ? this.#ring[number % this.#max] : undefined;
  }
}
