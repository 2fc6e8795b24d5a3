/** Runs one fault, and says what was seen. */

import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../fleet/processes.ts';
import { Bench, type Policy, SIZE } from './bench.ts';
import type { Crowd } from './crowd.ts';
import type { Fault } from './fault.ts';
import { type Action, digestOf, type Plan, planOf, type Step } from './plan.ts';
import { FLUSHED_MS, SCALE } from './scale.ts';

export interface RunOptions {
  readonly seed: number;
  readonly policy: Policy;
  /** Short: without waiting for evidence before, and for leases to run out after. */
  readonly length: 'full' | 'short';
  readonly say: (text: string) => void;
}

export interface Result {
  readonly fault: Fault;
  /** Of what was done. */
  readonly digest: string;
  readonly over: number;
  readonly overBound: number;
  readonly offMs: number;
  readonly offMax: number;
  readonly uncountedMs: number;
  readonly uncountedBoundMs: number;
  readonly keptMs: number;
  /** The count less the truth, when the bound for settling had passed. */
  readonly error: number;
  readonly settledMs: number;
  readonly settleBoundMs: number;
  /** From the end of the fault to the first answer that only the store can give: admitted, or over the limit. */
  readonly backMs: number;
  readonly backBoundMs: number;
  readonly cut: number;
  readonly leaked: number;
  readonly admitted: number;
  readonly refused: string;
  readonly broken: readonly string[];
}

/** Once it is right it has to stay so, while everything that was not renewed runs out. */
const HOLD_MS = { full: SCALE.ttlMs + 2_000, short: 2_000 };
/** Everyone has left: the slots are free within a second of Envoy's word. */
const LAST_MS = 2_000;
/** Whatever came back is in use again by then. */
const BACK_MS = 2_000;
const LIMIT_EXCEEDED = 429;
/** How old a count may be that a gate shares by. */
const COUNT_AGE_MS = 1_000;

export async function runFault(fault: Fault, options: RunOptions): Promise<Result> {
  const plan = planOf(fault, options.seed, options.length);
  const bench = await Bench.start(fault.fleet ?? {}, options.policy, options.seed);
  try {
    await fill(bench);
    bench.witness.start();
    const steps: Step[] = [];
    const actions: Action[] = [];
    const stepping = step(bench, plan, steps);
    await delay(plan.beforeMs);
    let awayMs = performance.now();
    let overMs = awayMs;
    for (const action of plan.actions) {
      const { afterMs, what, run, heals, storeGoes } = action;
      await delay(afterMs);
      actions.push(action);
      options.say(what);
      if (storeGoes) awayMs = performance.now();
      await run(bench);
      if (heals || !plan.actions.some((action) => action.heals)) overMs = performance.now();
    }
    await stepping;
    bench.rush(1); // on a slow machine the fault may have outlasted the steps
    await bench.crowd.answered();
    options.say('waiting until the count is the truth, and stays it');
    await settled(bench, overMs, settleBound(fault, options.policy), HOLD_MS[options.length]);
    return await judge(bench, fault, digestOf({ steps, actions }), { awayMs, overMs }, options);
  } finally {
    await bench.stop();
  }
}

/** More than there is room for. */
async function fill(bench: Bench): Promise<void> {
  bench.rush(Math.ceil(SIZE.limit / SIZE.proxies) + 2);
  await bench.crowd.answered();
}

/** All of the steps, each at its time or as soon after as can be. */
async function step(bench: Bench, plan: Plan, taken: Step[]): Promise<void> {
  const beganMs = performance.now();
  for (const [index, each] of plan.steps.entries()) {
    await delay(Math.max(0, beganMs + index * plan.stepMs - performance.now()));
    taken.push(each);
    bench.take(each);
  }
}

async function settled(bench: Bench, overMs: number, settleMs: number, holdMs: number): Promise<void> {
  const { witness } = bench;
  const isRight = () => witness.latest.kept + witness.latest.uncounted === 0;
  const quietSinceMs = performance.now();
  const held = () => isRight() && performance.now() - Math.max(witness.rightSinceMs, quietSinceMs) >= holdMs;
  const leftMs = Math.max(0, overMs + settleMs - performance.now());
  await until('the count stays the truth', held, leftMs + holdMs).catch(() => {}); // what is left is judged
}

async function judge(
  bench: Bench,
  fault: Fault,
  digest: string,
  { awayMs, overMs }: { awayMs: number; overMs: number },
  { policy }: RunOptions,
): Promise<Result> {
  const { crowd, witness } = bench;
  const { uncounted, kept } = witness.latest;
  const disagreement = await secondWitness(bench);
  const cut = crowd.cutBeside(bench.doomed);
  crowd.leaveAll('close');
  await until('all slots are free', async () => (await leasesLeft(bench)) === 0, LAST_MS).catch(() => {});
  const leaked = kept + (await leasesLeft(bench));
  const seen = {
    over: witness.overMax,
    overBound: overBound(bench, fault, policy, awayMs),
    offMs: witness.offMsMax,
    offMax: witness.offMax,
    uncountedMs: witness.uncountedMsMax,
    // What was admitted without the store is counted when it is back.
    uncountedBoundMs: Math.max(fault.bounds.uncountedMs, fault.storeAway && policy !== 'deny' ? FLUSHED_MS : 0),
    keptMs: witness.keptMsMax,
    error: kept - uncounted,
    settledMs: Math.max(0, witness.lastOffAtMs - overMs),
    settleBoundMs: settleBound(fault, policy),
    backMs: backMs(crowd, overMs),
    backBoundMs: BACK_MS + (fault.storeLoses ? SCALE.recoveryMs : 0),
    cut,
    leaked,
  };
  const { keptMs } = fault.bounds;
  const broken = [
    seen.over > seen.overBound && `${seen.over} over the limit`,
    seen.uncountedMs > seen.uncountedBoundMs && `live connections uncounted for ${seconds(seen.uncountedMs)}`,
    seen.keptMs > keptMs && `slots kept for ${seconds(seen.keptMs)} after their close`,
    (uncounted > 0 || kept > 0) && `in the end ${kept} too many and ${uncounted} missing`,
    seen.settledMs > seen.settleBoundMs && `took ${seconds(seen.settledMs)} to settle`,
    seen.backMs > seen.backBoundMs && `the first upgrade was judged ${seconds(seen.backMs)} after the fault`,
    cut > 0 && `${cut} live connections cut`,
    leaked > 0 && `${leaked} slots leaked`,
    disagreement,
    ...bench.accidents,
  ].filter((text) => typeof text === 'string');
  return { fault, digest, ...seen, admitted: crowd.admitted, refused: refusals(crowd), broken };
}

/** As long as gates admit alone, some of it is on its way to the store. */
function settleBound({ bounds, storeLoses }: Fault, policy: Policy): number {
  return bounds.settleMs + (storeLoses && policy !== 'deny' ? SCALE.recoveryMs : 0);
}

function backMs({ connections }: Crowd, overMs: number): number {
  const judged = [...connections].flatMap(({ openedAtMs, endedAtMs, status }) => {
    if (openedAtMs > 0) return openedAtMs;
    return status === LIMIT_EXCEEDED ? endedAtMs : [];
  });
  return Math.min(...judged.map((atMs) => atMs - overMs).filter((ms) => ms > 0));
}

function refusals({ connections }: Crowd): string {
  const byStatus = Map.groupBy(connections, ({ status }) => status);
  const counts = [...byStatus].flatMap(([status, some]) =>
    status === undefined ? [] : `${some.length} × ${status || 'no answer'}`,
  );
  return counts.sort().join(', ');
}

function overBound(bench: Bench, fault: Fault, policy: Policy, awayMs: number): number {
  if (!fault.storeAway || policy === 'deny') return 0;
  if (policy === 'allow') return Number.POSITIVE_INFINITY;
  // The fleet shares the room that was left when the last count was read, and that may be so old.
  const { connections } = bench.crowd;
  const isLate = (atMs: number) => atMs > awayMs - COUNT_AGE_MS && atMs <= awayMs;
  const late = [...connections].filter(({ openedAtMs }) => openedAtMs > 0 && isLate(openedAtMs));
  return Math.max(...bench.pods.map(({ name }) => late.filter(({ pod }) => pod === name).length));
}

/** The Envoys' own figures are the crowd's; undefined if so. */
async function secondWitness(bench: Bench): Promise<string | undefined> {
  let gauges: Record<string, number> = {};
  const truth = (pod: string) => bench.crowd.of(pod, 'open').length;
  const agree = async () => {
    gauges = await bench.gauges();
    return bench.pods.every(({ name }) => gauges[name] === truth(name));
  };
  try {
    await until('the Envoys agree', agree, 1_000);
    return undefined;
  } catch {
    const figures = bench.pods.map(({ name }) => `${name} ${gauges[name]} and ${truth(name)}`);
    return `the Envoys' gauges and the crowd disagree: ${figures.join(', ')}`;
  }
}

async function leasesLeft(bench: Bench): Promise<number> {
  const counts = await Promise.all(bench.pods.map(async ({ name }) => (await bench.leases(name))?.length ?? 0));
  return counts.reduce((a, b) => a + b, 0);
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
