/** Judges what was seen of a fault by its bounds. */

import type { Bench } from './bench.ts';
import type { Connection } from './crowd.ts';
import type { Fault } from './fault.ts';
import type { Policy } from './fleet-options.ts';
import type { Performance } from './perform.ts';
import { FLUSHED_MS } from './scale.ts';

export interface Seen {
  readonly over: number;
  readonly overBound: number;
  readonly offMs: number;
  readonly offMax: number;
  readonly uncountedMs: number;
  readonly uncountedBoundMs: number;
  readonly keptMs: number;
  readonly keptBoundMs: number;
  /** The count less the truth, when the bound for settling had passed. */
  readonly error: number;
  readonly settledMs: number;
  readonly settleBoundMs: number;
  /** Of upgrades during the fault, as its clients see them. */
  readonly answersMs: readonly number[];
  /** From the end of the fault to the first answer that only the store can give: admitted, or over the limit. */
  readonly backMs: number;
  readonly backBoundMs: number;
  readonly cut: number;
  readonly leaked: number;
}

export interface Verdict extends Seen {
  /** What did not hold: nothing, if all is well. */
  readonly broken: readonly string[];
}

/** Everyone has left: the slots are free within a second of Envoy's word. */
const LAST_MS = 2_000;
/** Whatever came back is in use again by then. */
const BACK_MS = 2_000;
const LIMIT_EXCEEDED = 429;
/** How old a count may be that a gate shares by. */
const COUNT_AGE_MS = 1_000;

/** Empties the bench. */
export async function judge(
  bench: Bench,
  fault: Fault,
  { awayMs, overMs }: Performance,
  policy: Policy,
): Promise<Verdict> {
  const { crowd, witness } = bench;
  const { uncounted, kept } = witness.latest;
  const disagreement = await bench.disagreement();
  const connections = [...crowd.connections];
  const { cut } = bench;
  const seen: Seen = {
    over: witness.overMax,
    overBound: fault.storeAway ? overBound(connections, policy, awayMs) : 0,
    offMs: witness.offMsMax,
    offMax: witness.offMax,
    uncountedMs: witness.uncountedMsMax,
    // What was admitted without the store is counted when it is back.
    uncountedBoundMs: Math.max(
      fault.bounds.uncountedMs,
      fault.storeAway && policy !== 'deny' ? (fault.aloneMs ?? FLUSHED_MS) : 0,
    ),
    keptMs: witness.keptMsMax,
    keptBoundMs: fault.bounds.keptMs,
    error: kept - uncounted,
    settledMs: Math.max(0, witness.lastOffAtMs - overMs),
    settleBoundMs: settleBoundMs(fault, policy),
    answersMs: answersMs(connections, awayMs, overMs),
    backMs: backMs(connections, overMs),
    backBoundMs: BACK_MS + (fault.untrustedMs ?? 0),
    cut,
    leaked: kept + (await bench.empty(LAST_MS)),
  };
  const broken = [
    seen.over > seen.overBound && `${seen.over} over the limit`,
    seen.uncountedMs > seen.uncountedBoundMs && `live connections uncounted for ${seconds(seen.uncountedMs)}`,
    seen.keptMs > seen.keptBoundMs && `slots kept for ${seconds(seen.keptMs)} after their close`,
    (uncounted > 0 || kept > 0) && `in the end ${kept} too many and ${uncounted} missing`,
    seen.settledMs > seen.settleBoundMs && `took ${seconds(seen.settledMs)} to settle`,
    seen.backMs > seen.backBoundMs && `the first upgrade was judged ${seconds(seen.backMs)} after the fault`,
    cut > 0 && `${cut} live connections cut`,
    seen.leaked > 0 && `${seen.leaked} slots leaked`,
    disagreement,
    ...bench.fleet.accidents,
  ].filter((text) => typeof text === 'string');
  return { ...seen, broken };
}

/** As long as gates admit alone, some of it is on its way to the store. */
export function settleBoundMs({ bounds, untrustedMs }: Fault, policy: Policy): number {
  return bounds.settleMs + (policy === 'deny' ? 0 : (untrustedMs ?? 0));
}

function backMs(connections: readonly Connection[], overMs: number): number {
  const judged = connections.flatMap(({ openedAtMs, endedAtMs, status }) => {
    if (openedAtMs > 0) return openedAtMs;
    return status === LIMIT_EXCEEDED ? endedAtMs : [];
  });
  return Math.min(...judged.map((atMs) => atMs - overMs).filter((ms) => ms > 0));
}

function answersMs(connections: readonly Connection[], awayMs: number, overMs: number): number[] {
  const meanwhile = connections.filter(({ askedAtMs }) => askedAtMs > awayMs && askedAtMs < overMs);
  return meanwhile.map(({ askedAtMs, openedAtMs, endedAtMs }) => (openedAtMs || endedAtMs) - askedAtMs);
}

function overBound(connections: readonly Connection[], policy: Policy, awayMs: number): number {
  if (policy === 'deny') return 0;
  if (policy === 'allow') return Number.POSITIVE_INFINITY;
  // The fleet shares the room that was left when the last count was read, and that may be so old.
  const isLate = (atMs: number) => atMs > awayMs - COUNT_AGE_MS && atMs <= awayMs;
  const late = connections.filter(({ openedAtMs }) => openedAtMs > 0 && isLate(openedAtMs));
  const byPod = Map.groupBy(late, ({ pod }) => pod);
  return Math.max(0, ...[...byPod.values()].map((some) => some.length));
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
