/** What is going to be done, in which order: all of it from the seed, before anything is started. */

import type { Random } from '../fleet/random.ts';
import type { Bench } from './bench.ts';
import { SIZE } from './scale.ts';

/** Opens and closes go on all the time, this often. */
export const STEP_MS = 50;
const RESETS = 1 / 3;

/** One thing that is done. */
export interface Deed {
  /** All that is chosen in it: two deeds that differ are told apart by this. */
  readonly what: string;
  run(bench: Bench): Promise<void> | void;
}

export interface Action extends Deed {
  /** After the beginning of the one before; and never before that one's end. */
  readonly afterMs: number;
  /** It is done again at each step, for so long. */
  readonly forMs?: number;
  /** With its beginning the store is away; if no action says so, with that of the first one. */
  readonly storeGoes?: true;
  /** With its end the fault is over; if no action says so, with the end of the last one. */
  readonly heals?: true;
}

export interface Step {
  /** Nothing of it begins before the last action has ended. */
  readonly waits: boolean;
  readonly actions: readonly Action[];
  readonly churn: readonly Deed[];
}

export interface Churn {
  /** Opens and closes in each step; on average, if it is no whole number. */
  readonly each: number;
  /** The part of them that are closes. Below a half, the limit is always contested. */
  readonly closes: number;
}

export interface PlanOptions {
  readonly actions: readonly Action[];
  readonly churn: Churn;
  /** Of churn before the first action begins. */
  readonly beforeMs: number;
  /** Of churn from when the last action begins, and again from when it has ended. */
  readonly afterMs: number;
}

export function planOf({ actions, churn, beforeMs, afterMs }: PlanOptions, random: Random): Step[] {
  const due = new Map<number, Action[]>();
  let tick = ticks(beforeMs);
  for (const action of actions) {
    tick += ticks(action.afterMs);
    for (let again = 0; again < ticks(action.forMs ?? STEP_MS); again++) {
      due.set(tick + again, [...(due.get(tick + again) ?? []), action]);
    }
  }
  const lastTick = Math.max(tick, ...due.keys());
  return Array.from({ length: lastTick + 2 * ticks(afterMs) }, (_, index) => ({
    waits: index === lastTick + ticks(afterMs),
    actions: due.get(index) ?? [],
    churn: Array.from({ length: Math.floor((index + 1) * churn.each) - Math.floor(index * churn.each) }, () =>
      openOrClose(churn.closes, random),
    ),
  }));
}

function openOrClose(closes: number, random: Random): Deed {
  const pod = random.below(SIZE.pods);
  if (!random.chance(closes)) {
    const proxy = random.below(SIZE.proxies);
    return { what: `open pod${pod + 1} by proxy_${proxy + 1}`, run: (bench) => bench.open(pod, proxy) };
  }
  const which = random.next();
  const how = random.chance(RESETS) ? 'reset' : 'close';
  return { what: `${how} pod${pod + 1} ${which.toFixed(6)}`, run: (bench) => bench.close(pod, which, how) };
}

function ticks(ms: number): number {
  return Math.ceil(ms / STEP_MS);
}
