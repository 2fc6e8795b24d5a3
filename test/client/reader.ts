/** Reads a subscription in the background, and keeps what it got. */

import { until } from '../../lab/fleet/processes.ts';
import type { Item, Subscription } from '../../src/client/index.ts';

export class Reader {
  readonly items: Item[] = [];
  /** Fulfilled at its end, with the error if it was one. */
  readonly ended: Promise<unknown>;

  constructor(subscription: Subscription) {
    this.ended = this.#read(subscription);
  }

  /** The ids of the events, in the order in which they came. */
  ids(): string[] {
    return this.items.flatMap((item) => (item.kind === 'event' ? item.event.id : []));
  }

  /** What it was told of losses. */
  losses(): Item[] {
    return this.items.filter(({ kind }) => kind !== 'event');
  }

  async has(count: number, withinMs = 10_000): Promise<void> {
    await until(`${count} events; there are ${this.ids().length}`, () => this.ids().length >= count, withinMs);
  }

  async #read(subscription: Subscription): Promise<unknown> {
    try {
      for await (const item of subscription) this.items.push(item);
      return undefined;
    } catch (error) {
      return error;
    }
  }
}
