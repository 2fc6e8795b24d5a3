/** Carries out a plan in its order, and notes what was done and when. */

import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { machineNow } from '../fleet/machine-time.ts';
import { type Action, type Deed, STEP_MS, type Step } from './plan.ts';
import type { Stage } from './stage.ts';

export interface Performance {
  /** When the store went away, if the fault is of that kind; by `machineNow()`, as all times. */
  readonly awayMs: number;
  /** When the fault was over. */
  readonly overMs: number;
  /** The texts of all deeds, in the order in which they were begun. */
  readonly done: readonly string[];
}

export interface Output {
  readonly say: (text: string) => void;
  /** Every open and close is told, too. */
  readonly verbose?: boolean;
}

/**
 * Each step at its time, or as soon after as can be. The churn goes on while an action takes its time; the next action
 * waits for the end of the one before, and the churn with it: so the order is always the planned one.
 */
export async function perform(stage: Stage, steps: readonly Step[], telling: Output): Promise<Performance> {
  const actions = steps.flatMap((step) => step.actions);
  const parting = actions.find(({ storeGoes }) => storeGoes) ?? actions[0];
  const healing = actions.find(({ heals }) => heals) ?? actions.at(-1);
  const begun = new Set<Deed>();
  const done: string[] = [];
  let awayMs: number | undefined;
  let overMs = machineNow();

  const note = (deed: Deed, isQuiet: boolean) => {
    done.push(deed.what);
    if (telling.verbose || !isQuiet) telling.say(deed.what);
  };
  const act = async (action: Action) => {
    if (action === parting) awayMs ??= machineNow();
    await action.run(stage);
    if (action === healing) overMs = machineNow();
  };

  let dueMs = machineNow();
  let acting = Promise.resolve();
  for (const step of steps) {
    await delay(Math.max(0, dueMs - machineNow()));
    if (step.waits) await acting;
    for (const action of step.actions) {
      await acting;
      note(action, begun.has(action));
      begun.add(action);
      acting = act(action);
      acting.catch(() => {}); // who waits for its end is told
    }
    for (const deed of step.churn) {
      note(deed, true);
      await deed.run(stage);
    }
    dueMs = Math.max(dueMs + STEP_MS, machineNow());
  }
  await acting;
  return { awayMs: awayMs ?? overMs, overMs, done };
}

/** Equal for equal deeds in the same order. */
export function digestOf(done: readonly string[]): string {
  return createHash('sha256').update(done.join('\n')).digest('hex').slice(0, 12);
}
