/**
 * What `outage.policy: share` may exceed a limit by, derived from the design, not from what was seen.
 *
 * G gates, of which K lose the store at one moment; L is the pod's limit, c the count that a gate read last. Alone, a gate
 * admits its part of the room that it knows of, (L - c) / G, and what its own connections free.
 *
 * All of them (K = G): they share out the room that there was at each one's last count. Of what is open at the outage, a
 * gate's count lacks only what others admitted since it read it; what it admitted itself told it the count anew. So each
 * admission is missing in the counts of G - 1 gates at most, and each of these gives 1 / G of a slot too much:
 *
 *     over ≤ A × (G - 1) / G, with A: admissions since the oldest count that any gate may go by.
 *
 * Some of them (K < G): the others go on to fill the pod to its limit, exactly. What is over it is the parts of the K:
 *
 *     over ≤ K × (L - n + A) / G, with n: connections open at the outage; n - A is the least that a count can have told.
 *
 * The bench knows A: the admissions of its own clients, by time. It does not know which gate read what when, but the
 * design says how old a count can be: `COUNTS_AGE_MS`.
 */

import type { Connection } from './crowd.ts';
import { COUNTS_AGE_MS } from './scale.ts';

/** What the bench knows of a connection; times by `machineNow()`, 0 for what has not happened. */
export type Admission = Pick<Connection, 'pod' | 'askedAtMs' | 'openedAtMs' | 'endedAtMs'>;

export interface Outage {
  readonly gates: number;
  /** How many of them lose the store. */
  readonly alone: number;
  readonly limit: number;
  /** By `machineNow()`. */
  readonly awayMs: number;
}

/** The largest bound of all pods. */
export function shareBound(connections: Iterable<Admission>, outage: Outage): number {
  const byPod = Map.groupBy(connections, ({ pod }) => pod);
  return Math.max(0, ...[...byPod.values()].map((some) => ofPod(some, outage)));
}

function ofPod(connections: readonly Admission[], { gates, alone, limit, awayMs }: Outage): number {
  const opened = connections.filter(({ openedAtMs }) => openedAtMs > 0);
  const admitted = opened.filter((each) => each.askedAtMs <= awayMs && each.openedAtMs > awayMs - COUNTS_AGE_MS).length;
  if (alone === gates) return Math.floor((admitted * (gates - 1)) / gates);
  const open = opened.filter((each) => each.openedAtMs <= awayMs && !(each.endedAtMs > 0 && each.endedAtMs <= awayMs));
  return alone * Math.floor(Math.max(0, limit - open.length + admitted) / gates);
}
