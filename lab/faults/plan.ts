/** Plans what is done to a fleet, in which order. All random choices are made here, before anything is started. */

import type { Random } from '../fleet/random.ts';
import { SIZE } from './scale.ts';
import type { Stage } from './stage.ts';

/** Opens and closes go on all the time, this often. */
export const STEP_MS = 50;
const RESETS = 1 / 3;

/** One thing that is done. */
export interface Deed {
  /** Describes it with all its random choices: deeds with equal texts are equal. */
  readonly what: string;
  run(stage: Stage): Promise<void> | void;
}

export interface Action extends Deed {
  /** Time from the begin of the action before it; it never begins before that one has ended. */
  readonly afterMs: number;
  /** It is repeated at each step for so long. */
  readonly forMs?: number;
  /** The store is away from the begin of this action; without it, from the begin of the first action. */
  readonly storeGoes?: true;
  /** The fault is over at the end of this action; without it, at the end of the last action. */
  readonly heals?: true;
}

export interface Step {
  /** Nothing of it begins before the last action has ended. */
  readonly waits: boolean;
  readonly actions: readonly Action[];
  readonly churn: readonly Deed[];
}

export interface Churn {
  /** Average number of opens and closes in each step. */
  readonly each: number;
  /** The share of closes. Below one half, the limit is always contested. */
  readonly closes: number;
}

export interface PlanOptions {
  readonly actions: readonly Action[];
  readonly churn: Churn;
  /** How long clients come and go before the first action. */
  readonly beforeMs: number;
  /** How long they go on after the begin of the last action, and again after its end. */
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
    return { what: `open pod${pod + 1} by proxy_${proxy + 1}`, run: (stage) => stage.open(pod, proxy) };
  }
  const which = random.next();
  const how = random.chance(RESETS) ? 'reset' : 'close';
  return { what: `${how} pod${pod + 1} ${which.toFixed(6)}`, run: (stage) => stage.close(pod, which, how) };
}

function ticks(ms: number): number {
  return Math.ceil(ms / STEP_MS);
}
