/** Runs one fault, and says what was seen. */

import { machineNow } from '../fleet/machine-time.ts';
import { until } from '../fleet/processes.ts';
import { Random } from '../fleet/random.ts';
import { Bench } from './bench.ts';
import type { Crowd } from './crowd.ts';
import type { Fault } from './fault.ts';
import type { Policy } from './fleet-options.ts';
import { digestOf, perform, type Telling } from './perform.ts';
import { planOf } from './plan.ts';
import { SCALE } from './scale.ts';
import { judge, settleBoundMs, type Verdict } from './verdict.ts';
import type { Witness } from './witness.ts';

export interface RunOptions extends Telling {
  readonly seed: number;
  readonly policy: Policy;
  /** Short: without waiting for evidence before, and for leases to run out after. */
  readonly length: 'full' | 'short';
}

export interface Result extends Verdict {
  readonly fault: Fault;
  readonly policy: Policy;
  /** Of what was done: how much, and its digest. */
  readonly deeds: number;
  readonly digest: string;
  readonly admitted: number;
  readonly refused: string;
}

/** Two opens for each close: so the limit is always contested. */
const CHURN = { each: 1, closes: 1 / 3 };
/** Before the fault: in a ttl, gates gather the evidence by which they take leases for dead, rightly or wrongly. */
const BEFORE_MS = { full: SCALE.ttlMs + 2_000, short: 2_000 };
const AFTER_MS = 2_000;
/** Once it is right it has to stay so, while everything that was not renewed runs out. */
const HOLD_MS = { full: SCALE.ttlMs, short: 2_000 };

export async function runFault(fault: Fault, options: RunOptions): Promise<Result> {
  const { seed, policy, length } = options;
  const random = new Random(`${seed} ${fault.name}`);
  const actions = fault.actions(random);
  const plan = planOf({ actions, churn: CHURN, beforeMs: BEFORE_MS[length], afterMs: AFTER_MS }, random);
  const bench = await Bench.start({ ...fault.fleet, policy, seed });
  try {
    const performance = await perform(bench, plan, options);
    await bench.crowd.answered();
    options.say('waiting until the count is the truth, and stays it');
    await settled(bench.witness, performance.overMs + settleBoundMs(fault, policy), HOLD_MS[length]);
    const verdict = await judge(bench, fault, performance, policy);
    const { done } = performance;
    const { admitted } = bench.crowd;
    return {
      fault,
      policy,
      ...verdict,
      deeds: done.length,
      digest: digestOf(done),
      admitted,
      refused: refusals(bench.crowd),
    };
  } finally {
    await bench.stop();
  }
}

/** Waits until all is right and stays so for a while; beginning no later than then, by `machineNow()`. */
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
