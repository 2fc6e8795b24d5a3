/**
 * Who wants which events. An event is matched once for all subscriptions with the same filters: thousands of dashboards
 * cost as much as one.
 */

import type { Filters } from '../protocol.ts';
import { canonical, type Facts, type Matcher, matcherOf } from './filters.ts';

interface Interest<Holder> {
  readonly matches: Matcher;
  readonly holders: Map<Holder, Ids>;
}

/** The ids of one holder's subscriptions that want the same. */
interface Ids {
  readonly all: Set<string>;
  /** As JSON, because each event needs it, and it seldom changes. */
  json: string;
}

export class Subscriptions<Holder extends object> {
  readonly #interests = new Map<string, Interest<Holder>>();
  #size = 0;

  /** Of all holders. */
  get size(): number {
    return this.#size;
  }

  add(holder: Holder, id: string, filters: Filters): void {
    const key = canonical(filters);
    let interest = this.#interests.get(key);
    if (!interest) {
      interest = { matches: matcherOf(filters), holders: new Map() };
      this.#interests.set(key, interest);
    }
    const ids = interest.holders.get(holder) ?? { all: new Set(), json: '' };
    interest.holders.set(holder, ids);
    ids.all.add(id);
    ids.json = JSON.stringify([...ids.all]);
    this.#size += 1;
  }

  /** `filters` as they were given to `add`. */
  remove(holder: Holder, id: string, filters: Filters): void {
    const key = canonical(filters);
    const interest = this.#interests.get(key);
    const ids = interest?.holders.get(holder);
    if (!interest || !ids?.all.delete(id)) return;
    ids.json = JSON.stringify([...ids.all]);
    this.#size -= 1;
    if (ids.all.size === 0) interest.holders.delete(holder);
    if (interest.holders.size === 0) this.#interests.delete(key);
  }

  /** Each holder that wants the event, with the ids of all its subscriptions that want it: a list as JSON. */
  matching(facts: Facts): Map<Holder, string> {
    const found = new Map<Holder, string>();
    for (const { matches, holders } of this.#interests.values()) {
      if (!matches(facts)) continue;
      for (const [holder, { json }] of holders) {
        const others = found.get(holder);
        found.set(holder, others === undefined ? json : `${others.slice(0, -1)},${json.slice(1)}`);
      }
    }
    return found;
  }
}
