/** Runs one fault on a fleet of its own, and returns what was measured. */

import { machineNow } from '../fleet/machine-time.ts';
import { until } from '../fleet/processes.ts';
import { Random } from '../fleet/random.ts';
import type { Crowd } from './crowd.ts';
import type { Fault } from './fault.ts';
import { digestOf, type Output, perform } from './perform.ts';
import { planOf } from './plan.ts';
import { SCALE } from './scale.ts';
import { Stage } from './stage.ts';
import { type Conditions, judge, settleBoundMs, type Verdict } from './verdict.ts';
import type { Witness } from './witness.ts';

export interface RunOptions extends Output, Conditions {
  readonly seed: number;
  readonly overridden: boolean;
  readonly placed: boolean;
  /** `short` does not wait for evidence before the fault, nor for leases to expire after it. */
  readonly length: 'full' | 'short';
}

export interface Result extends Verdict, Conditions {
  readonly fault: Fault;
  /** How many things were done, and the digest of their list. */
  readonly deeds: number;
  readonly digest: string;
  readonly admitted: number;
  readonly refused: string;
}

/** Two opens for each close: so the limit is always contested. */
const CHURN = { each: 1, closes: 1 / 3 };
/** Before the fault: in a ttl, gates gather the evidence by which they free silent leases, rightly or wrongly. */
const BEFORE_MS = { full: SCALE.ttlMs + 2_000, short: 2_000 };
const AFTER_MS = 2_000;
/** For so long the count has to stay right, while all leases that nobody renews expire. */
const HOLD_MS = { full: SCALE.ttlMs, short: 2_000 };

export async function runFault(fault: Fault, options: RunOptions): Promise<Result> {
  const { seed, policy, door, length, overridden, placed } = options;
  const random = new Random(`${seed} ${fault.name}`);
  const actions = fault.actions(random);
  const plan = planOf({ actions, churn: CHURN, beforeMs: BEFORE_MS[length], afterMs: AFTER_MS }, random);
  const stage = await Stage.start({ ...fault.fleet, policy, door, seed, overridden, placed });
  try {
    const performance = await perform(stage, plan, options);
    await stage.crowd.answered();
    options.say('waiting until the count is the truth, and stays it');
    const { overMs } = performance;
    await settled(stage.witness, overMs + settleBoundMs(fault, options, overMs, stage.fleet.unheld), HOLD_MS[length]);
    const verdict = await judge(stage, fault, performance, options);
    const { done } = performance;
    const { admitted } = stage.crowd;
    return {
      fault,
      policy,
      door,
      ...verdict,
      deeds: done.length,
      digest: digestOf(done),
      admitted,
      refused: refusals(stage.crowd),
    };
  } finally {
    await stage.stop();
  }
}

/** Waits until the count is right by `byMs` (of `machineNow()`) at the latest, and stays right for `holdMs`. */
async function settled(witness: Witness, byMs: number, holdMs: number): Promise<void> {
  const isRight = () => witness.latest.kept + witness.latest.uncounted === 0;
  const quietSinceMs = machineNow();
  const held = () => isRight() && machineNow() - Math.max(witness.rightSinceMs, quietSinceMs) >= holdMs;
  const leftMs = Math.max(0, byMs - machineNow());
  await until('the count stays the truth', held, leftMs + holdMs).catch(() => {}); // what is left is judged
}

function refusals({ connections }: Crowd): string {
  const byStatus = Map.groupBy(connections, ({ status }) => status);
  const counts = [...byStatus].flatMap(([status, some]) =>
    status === undefined ? [] : `${some.length} × ${status || 'no answer'}`,
  );
  return counts.sort().join(', ');
}
