/** The newest events, and the gaps between them; the oldest make room. */

import type { CloudEvent, Item } from '../src/client/index.ts';
import { isFromGate } from '../src/hub/events/domain-event.ts';

const ITEMS_MAX = 1000;

export interface KeyedItem {
  readonly key: number;
  readonly item: Item;
}

export class EventLog {
  #items: KeyedItem[] = [];
  #made = 0;

  /** Newest last. A new list at each change. */
  get items(): readonly KeyedItem[] {
    return this.#items;
  }

  add(item: Item): void {
    this.#made += 1;
    this.#items = [...this.#items.slice(-ITEMS_MAX + 1), { key: this.#made, item }];
  }
}

/** The pod that an event is about, if it is about one. */
export function podOf({ subject, data }: CloudEvent): string | undefined {
  return data.labels?.pod ?? (subject?.startsWith('pod/') ? subject.slice('pod/'.length) : undefined);
}

/** Differs when a gate has told of the pod again. What others post about it changes nothing of it. */
export function lastChangeOf(pod: string, items: readonly KeyedItem[]): number {
  return (
    items.findLast(({ item }) => item.kind === 'event' && isFromGate(item.event) && podOf(item.event) === pod)?.key ?? 0
  );
}
