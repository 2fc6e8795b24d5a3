/**
 * What the reader of one subscription has not read yet. Up to `max` items wait here. Beyond that the oldest are
 * dropped, and the reader is told how many it lost, where the gap is.
 */

import type { CloudEvent } from '../hub/events/cloud-event.ts';
import type { errorCodes } from '../hub/protocol.ts';

export type Item =
  | { readonly kind: 'event'; readonly event: CloudEvent }
  /** So many events were not read in time, and are lost. If the gate dropped them, they are of all subscriptions. */
  | { readonly kind: 'lagged'; readonly missed: number }
  /** Events may be missing here, nobody knows how many: read the state anew. */
  | { readonly kind: 'resync'; readonly reason: string };

/** What the loop throws when the gate does not take the subscription. */
export class SubscriptionRefused extends Error {
  readonly code: (typeof errorCodes)[number];

  constructor(code: SubscriptionRefused['code'], message: string) {
    super(message);
    this.name = 'SubscriptionRefused';
    this.code = code;
  }
}

export class EventQueue implements AsyncIterable<Item> {
  readonly #max: number;
  readonly #left: () => void;
  readonly #items: Item[] = [];
  /** What was dropped from the front of `#items`. */
  #missed = 0;
  #resync: string | undefined;
  #ended = false;
  #error: SubscriptionRefused | undefined;
  #wake: (() => void) | undefined;

  /** `left`: called once, when nothing more is to come. */
  constructor(max: number, left: () => void) {
    this.#max = max;
    this.#left = left;
  }

  /** For one reader. After `close` it ends when all that waits has been read. Leaving the loop closes it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, void> {
    try {
      for (;;) {
        const item = this.#take();
        if (item) yield item;
        else if (this.#ended) break;
        else await this.#more();
      }
    } finally {
      this.close();
    }
    if (this.#error) throw this.#error;
  }

  push(item: Item): void {
    if (this.#ended || (item.kind === 'resync' && this.#items.at(-1)?.kind === 'resync')) return;
    this.#items.push(item);
    if (this.#items.length > this.#max) this.#makeRoom();
    this.#wake?.();
  }

  close(): void {
    this.end(undefined);
  }

  /** `error`: what the reader gets after all that waits. */
  end(error: SubscriptionRefused | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
    this.#left();
  }

  #take(): Item | undefined {
    const [resync, missed] = [this.#resync, this.#missed];
    if (resync !== undefined) {
      this.#resync = undefined;
      return { kind: 'resync', reason: resync };
    }
    this.#missed = 0;
    return missed > 0 ? { kind: 'lagged', missed } : this.#items.shift();
  }

  #makeRoom(): void {
    const oldest = this.#items.shift();
    if (oldest?.kind === 'resync') this.#resync = oldest.reason;
    else this.#missed += oldest?.kind === 'lagged' ? oldest.missed : 1;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
