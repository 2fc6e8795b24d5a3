/** Compares what was measured during a fault with the fault's bounds. */

import { shareBound } from './bound.ts';
import type { Connection } from './crowd.ts';
import type { Door } from './doors.ts';
import { boundsOf, type Fault } from './fault.ts';
import type { Policy } from './fleet-options.ts';
import type { Performance } from './perform.ts';
import { FLUSHED_MS, LOOK_MS, SCALE, SIZE } from './scale.ts';
import type { Stage } from './stage.ts';
import type { Unheld } from './unheld.ts';
import type { Witness } from './witness.ts';

/** How long connections were uncounted while they were live and the store could be read. */
interface Uncounted {
  /** The longest. */
  readonly ms: number;
  readonly boundMs: number;
  /** How many connections were uncounted for longer than the bound. */
  readonly beyond: number;
}

/** Connections whose stream broke, and of which no other door tells. */
interface Forgotten {
  /** Slots that were kept beyond the bound for all others, and live connections that lost their slots. */
  readonly kept: number;
  readonly outlived: number;
  /** The streams that broke: so many may have done either. */
  readonly most: number;
  /** The longest time that a slot was kept. */
  readonly keptMs: number;
  readonly boundMs: number;
}

/** Under what a fault was done. */
export interface Conditions {
  readonly policy: Policy;
  readonly door: Door;
}

interface Seen {
  readonly over: number;
  readonly overBound: number;
  readonly offMs: number;
  readonly offMax: number;
  /** Of connections that the store had known before. */
  readonly lost: Uncounted;
  /** Of connections that the store had not known: admitted while it was away, and not written yet. */
  readonly unwritten: Uncounted;
  readonly keptMs: number;
  readonly keptBoundMs: number;
  readonly forgotten: Forgotten;
  /** The count minus the true number, when the time to settle was over. */
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
  /** One text for each bound that was broken; empty if all is well. */
  readonly broken: readonly string[];
}

/** When all clients have left, their slots are free within a second of Envoy's log entries. */
const LAST_MS = 2_000;
/** How soon after the fault the gates use again what has come back. */
const BACK_MS = 2_000;
const LIMIT_EXCEEDED = 429;

/** Closes all connections on the stage, to see whether slots are left. */
export async function judge(
  stage: Stage,
  fault: Fault,
  { awayMs, overMs }: Performance,
  { policy, door }: Conditions,
): Promise<Verdict> {
  const { crowd, witness } = stage;
  const bounds = boundsOf(fault, door);
  const { uncounted, kept } = witness.latest;
  const disagreement = await stage.disagreement();
  const connections = [...crowd.connections];
  const { cut } = stage;
  const lostBoundMs = bounds.uncountedMs;
  // What was admitted without the store is counted when it is back.
  const aloneMs = fault.gatesAlone !== undefined && policy !== 'deny' ? (fault.aloneMs ?? FLUSHED_MS) : 0;
  const seen: Seen = {
    over: witness.overMax,
    overBound: overBound(fault, connections, policy, awayMs),
    offMs: witness.offMsMax,
    offMax: witness.offMax,
    lost: uncountedFor(witness.lostMs, lostBoundMs),
    unwritten: uncountedFor(witness.unwrittenMs, Math.max(lostBoundMs, aloneMs)),
    keptMs: keptMs(witness, bounds.keptMs),
    keptBoundMs: bounds.keptMs,
    forgotten: forgotten(witness, stage.fleet.unheld, bounds.keptMs),
    error: kept - uncounted,
    settledMs: Math.max(0, witness.lastOffAtMs - overMs),
    settleBoundMs: settleBoundMs(fault, { policy, door }, overMs, stage.fleet.unheld),
    answersMs: answersMs(connections, awayMs, overMs),
    backMs: backMs(connections, overMs),
    backBoundMs: BACK_MS + (fault.untrustedMs ?? 0),
    cut,
    leaked: kept + (await stage.empty(LAST_MS)),
  };
  const broken = [
    seen.over > seen.overBound && `${seen.over} over the limit`,
    tooLong(seen.lost, 'live connections lost their slots'),
    tooLong(seen.unwritten, 'live connections had no slots'),
    seen.keptMs > seen.keptBoundMs && `slots kept for ${seconds(seen.keptMs)} after their close`,
    ...tooMany(seen.forgotten),
    (uncounted > 0 || kept > 0) && `in the end ${kept} too many and ${uncounted} missing`,
    seen.settledMs > seen.settleBoundMs && `took ${seconds(seen.settledMs)} to settle`,
    seen.backMs > seen.backBoundMs && `the first upgrade was judged ${seconds(seen.backMs)} after the fault`,
    cut > 0 && `${cut} live connections cut`,
    seen.leaked > 0 && `${seen.leaked} slots leaked`,
    disagreement,
    ...stage.fleet.accidents,
  ].filter((text) => typeof text === 'string');
  return { ...seen, broken };
}

/**
 * From the end of the fault. Where gates decide without the store, what they admit may reach it only at the end of that
 * time; where nobody can speak of some connections, their slots go last.
 */
export function settleBoundMs(fault: Fault, { policy, door }: Conditions, overMs: number, unheld: Unheld): number {
  const settleMs = boundsOf(fault, door).settleMs + (policy === 'deny' ? 0 : (fault.untrustedMs ?? 0));
  return Math.max(settleMs, (unheld.overMs ?? 0) - overMs);
}

/** Of the slots whose stream broke, those count that were not kept for longer than any other may be. */
function keptMs({ keptMsMax, keptUnheldMs }: Witness, boundMs: number): number {
  return Math.max(keptMsMax, ...[...keptUnheldMs.values()].filter((ms) => ms <= boundMs));
}

function forgotten({ keptUnheldMs, outlived }: Witness, { most }: Unheld, ordinaryMs: number): Forgotten {
  const kept = [...keptUnheldMs.values()].filter((ms) => ms > ordinaryMs);
  const boundMs = SCALE.unrenewedMaxMs + LOOK_MS;
  return { kept: kept.length, outlived: outlived.size, most, keptMs: Math.max(0, ...kept), boundMs };
}

function tooMany({ kept, outlived, most, keptMs, boundMs }: Forgotten): (string | false)[] {
  return [
    kept + outlived > most &&
      `${most} streams broke, but ${kept} slots were kept and ${outlived} live connections lost theirs`,
    keptMs > boundMs && `a slot of which nobody can speak was kept for ${seconds(keptMs)} after its close`,
  ];
}

function uncountedFor(longest: ReadonlyMap<Connection, number>, boundMs: number): Uncounted {
  const all = [...longest.values()];
  return { ms: Math.max(0, ...all), boundMs, beyond: all.filter((ms) => ms > boundMs).length };
}

function tooLong({ beyond, ms }: Uncounted, what: string): string | false {
  return beyond > 0 && `${beyond} ${what}, for up to ${seconds(ms)}`;
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

function overBound(fault: Fault, connections: readonly Connection[], policy: Policy, awayMs: number): number {
  const { gatesAlone: alone, fleet } = fault;
  if (alone === undefined || policy === 'deny') return 0;
  if (policy === 'allow') return Number.POSITIVE_INFINITY;
  const gates = fleet?.embedded ? 1 : (fleet?.gates ?? SIZE.gates);
  return shareBound(connections, { gates, alone, limit: fleet?.limit ?? SIZE.limit, awayMs });
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
