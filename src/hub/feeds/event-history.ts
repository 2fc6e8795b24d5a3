/**
 * The last events, in the order in which they arrived at this gate. Clients that come back read on in it, and an event
 * that arrives a second time is recognised. Each event has a number, one more than that of the event before it.
 */

import type { CloudEvent } from '../events/cloud-event.ts';
import type { Facts } from './filters.ts';

/** An event on its way to the clients: serialised once, and its facts extracted once. */
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

  /** The newest ones, at most so many; oldest first. */
  latest(max: number): CloudEvent[] {
    const first = Math.max(0, this.#next - Math.min(max, this.#max));
    const numbers = Array.from({ length: this.#next - first }, (_, index) => first + index);
    return numbers.flatMap((number) => this.at(number)?.event ?? []);
  }

  numberOf(id: string): number | undefined {
    return this.#numbers.get(id);
  }

  /** The number of the oldest event that it holds. */
  get oldest(): number {
    return Math.max(0, this.#next - this.#max);
  }

  /** Undefined for an event that has been forgotten, or is still to come. */
  at(number: number): Delivery | undefined {
    return number >= this.#next - this.#max && number < this.#next ? this.#ring[number % this.#max] : undefined;
  }
}
