/** A fault: what is done, and what must hold all the same. */

import type { Random } from '../fleet/random.ts';
import type { FleetOptions } from './fleet-options.ts';
import type { Action } from './plan.ts';
import { SCALE } from './scale.ts';

export interface Bounds {
  /** How long a slot may stay taken after its connection closed. */
  readonly keptMs: number;
  /** How long a live connection that the store knew may be without a slot, while the store can be read. */
  readonly uncountedMs: number;
  /** From the end of the fault until the count is the truth. */
  readonly settleMs: number;
}

export interface Fault {
  readonly name: string;
  readonly what: string;
  /** How many gates have to decide without the store in it; none if not given. */
  readonly gatesAlone?: number;
  /** If the store's counts may be wrong after it: how long after its end gates still decide alone. */
  readonly untrustedMs?: number;
  /** How long it may stay unknown to the store what gates admit alone; until it is written, if not given. */
  readonly aloneMs?: number;
  readonly fleet?: FleetOptions;
  /** What it needs that this machine lacks; undefined if nothing. */
  readonly lacks?: () => string | undefined;
  readonly bounds: Bounds;
  actions(random: Random): readonly Action[];
}

type Run = Action['run'];

/** `afterMs`: after the action before it. */
export function act(afterMs: number, what: string, run: Run, more: Partial<Action> = {}): Action {
  return { afterMs, what, run, ...more };
}

/** With its end the fault is over. */
export function heal(afterMs: number, what: string, run: Run): Action {
  return act(afterMs, what, run, { heals: true });
}

/** Clients that were refused come back, and go on until the store is trusted: it may know too little then. */
export function rush(untrustedMs: number = SCALE.recoveryMs): Action {
  const forMs = untrustedMs + 1_000;
  return { afterMs: 0, forMs, what: `rush for ${forMs / 1000} s`, run: (bench) => bench.rush(2) };
}
