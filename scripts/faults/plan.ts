/** What is going to be done, in which order: all of it from the seed, before anything is started. */

import { createHash } from 'node:crypto';
import { Random } from '../fleet/random.ts';
import { type Bench, SIZE } from './bench.ts';
import type { Fault } from './fault.ts';
import { SCALE } from './scale.ts';

/** Opens and closes go on all the time, this often. */
const STEP_MS = 50;
/** Two opens for each close: so the limit is always contested. */
const CLOSES = 1 / 3;
const RESETS = 1 / 3;
/** Before the fault: in a ttl, gates gather the evidence by which they take leases for dead, rightly or wrongly. */
const BEFORE_MS = { full: SCALE.ttlMs + 2_000, short: 2_000 };
const AFTER_MS = 3_000;

export type Step =
  | { readonly kind: 'open'; readonly pod: number; readonly proxy: number }
  | { readonly kind: 'close'; readonly pod: number; readonly which: number; readonly how: 'close' | 'reset' };

export interface Action {
  /** After the end of the one before. */
  readonly afterMs: number;
  readonly what: string;
  /** With its beginning the store is away; if no action says so, with that of the first one. */
  readonly storeGoes?: true;
  /** With its end the fault is over; if no action says so, with the end of the last one. */
  readonly heals?: true;
  run(bench: Bench): Promise<void> | void;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly stepMs: number;
  readonly beforeMs: number;
  readonly actions: readonly Action[];
}

export function planOf(fault: Fault, seed: number, length: 'full' | 'short'): Plan {
  const random = new Random(`${seed} ${fault.name}`);
  const beforeMs = BEFORE_MS[length];
  const actions = fault.actions(random);
  const lengthMs = actions.reduce((sum, { afterMs }) => sum + afterMs, beforeMs + AFTER_MS);
  const steps = Array.from({ length: Math.ceil(lengthMs / STEP_MS) }, () => stepOf(random));
  return { steps, stepMs: STEP_MS, beforeMs, actions };
}

/** The same for the same steps and actions, in the same order: of a plan, or of what was done. */
export function digestOf({ steps, actions }: Pick<Plan, 'steps' | 'actions'>): string {
  const what = JSON.stringify([steps, actions.map(({ afterMs, what }) => [afterMs, what])]);
  return createHash('sha256').update(what).digest('hex').slice(0, 12);
}

function stepOf(random: Random): Step {
  const pod = random.below(SIZE.pods);
  if (!random.chance(CLOSES)) return { kind: 'open', pod, proxy: random.below(SIZE.proxies) };
  return { kind: 'close', pod, which: random.next(), how: random.chance(RESETS) ? 'reset' : 'close' };
}
