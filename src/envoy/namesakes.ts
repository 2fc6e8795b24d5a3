/**
 * Envoys that use one name: a gate takes them for one proxy. The sign of it is a name that comes from two places in the
 * same time, where a place is an address, or an Envoy's own node id. An Envoy that moved, or that was replaced, is in one
 * place first and in another one later; a hot restart stays where it is.
 *
 * Behind a NAT, all Envoys have one address, and nothing is seen. Checks and log are looked at apart: an Envoy may reach
 * the gate by two networks.
 */

import type { ProxyId } from '../admission/ids.ts';
import type { Complaints } from './complaints.ts';

/** For so long a name must have been in two places. */
const OVERLAP_MS = 10_000;
/** Longer than an Envoy with access_log_flush_interval is quiet. After so long, it comes to a place anew. */
const QUIET_MS = 30_000;
/** Names that are kept, and places of each. The oldest give way. */
const NAMES_MAX = 10_000;
const PLACES_MAX = 4;

export type Sign = 'address of its Checks' | 'address of its log' | 'node id of its log';

interface Stay {
  readonly sinceMs: number;
  lastMs: number;
}

export class Namesakes {
  readonly #complaints: Complaints;
  readonly #names: Readonly<Record<Sign, Map<ProxyId, Map<string, Stay>>>> = {
    'address of its Checks': new Map(),
    'address of its log': new Map(),
    'node id of its log': new Map(),
  };

  constructor(complaints: Complaints) {
    this.#complaints = complaints;
  }

  /** The name has come from there. */
  heard(sign: Sign, proxy: ProxyId, place: string, nowMs = performance.now()): void {
    const names = this.#names[sign];
    const stays = names.get(proxy) ?? new Map<string, Stay>();
    if (stays.size === 0) keep(names, proxy, stays, NAMES_MAX);
    let stay = stays.get(place);
    if (!stay || nowMs - stay.lastMs > QUIET_MS) {
      stay = { sinceMs: nowMs, lastMs: nowMs };
      keep(stays, place, stay, PLACES_MAX);
    }
    stay.lastMs = nowMs;
    if (stays.size === 1) return;
    for (const [other, { sinceMs, lastMs }] of stays) {
      if (other === place || lastMs - Math.max(sinceMs, stay.sinceMs) < OVERLAP_MS) continue;
      this.#complaints.say('one name', proxy, { sign, from: [other, place] });
    }
  }
}

function keep<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, max: number): void {
  const [oldest] = map.keys();
  if (!map.has(key) && map.size >= max && oldest !== undefined) map.delete(oldest);
  map.set(key, value);
}
