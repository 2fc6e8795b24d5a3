/** The newest events, and the gaps between them; the oldest make room. */

import type { CloudEvent, Item } from '../src/client/index.ts';
import { isOwn } from '../src/hub/own-source.ts';

const ENTRIES_MAX = 1000;

export interface Entry {
  readonly key: number;
  readonly item: Item;
}

export class EventLog {
  #entries: Entry[] = [];
  #made = 0;

  /** Newest last. A new list at each change. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  add(item: Item): void {
    this.#made += 1;
    this.#entries = [...this.#entries.slice(-ENTRIES_MAX + 1), { key: this.#made, item }];
  }
}

/** The pod that an event is about, if it is about one. */
export function podOf({ subject, data }: CloudEvent): string | undefined {
  return data.labels?.pod ?? (subject?.startsWith('pod/') ? subject.slice('pod/'.length) : undefined);
}

/** Differs when a gate has told of the pod again. What others post about it changes nothing of it. */
export function lastChangeOf(pod: string, entries: readonly Entry[]): number {
  return (
    entries.findLast(({ item }) => item.kind === 'event' && isOwn(item.event) && podOf(item.event) === pod)?.key ?? 0
  );
}
