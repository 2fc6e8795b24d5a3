/** What a fault is: what is done to a fleet, and what must hold all the same; and the words of the lists of faults. */

import type { Random } from '../fleet/random.ts';
import type { Door } from './doors.ts';
import type { FleetOptions } from './fleet-options.ts';
import type { Action } from './plan.ts';
import { FREED_MS, SCALE } from './scale.ts';

export interface Bounds {
  /** How long a slot may stay taken after its connection closed. */
  readonly keptMs: number;
  /** How long a live connection that the store knew may be without a slot, while the store can be read. */
  readonly uncountedMs: number;
  /** From the end of the fault until the count is right. */
  readonly settleMs: number;
}

export interface Fault {
  readonly name: string;
  readonly what: string;
  /** How many gates have to decide without the store meanwhile; none if not given. */
  readonly gatesAlone?: number;
  /** For how long after the fault gates still decide without the store, because its counts may be wrong. */
  readonly untrustedMs?: number;
  /** How long the store may lack what gates admitted without it; `FLUSHED_MS` if not given. */
  readonly aloneMs?: number;
  readonly fleet?: FleetOptions;
  /** What it needs that this machine lacks; undefined if nothing. */
  readonly lacks?: () => string | undefined;
  readonly bounds: Bounds;
  /** Where they are others: a stream tells an end at once that a log tells late, or not at all. */
  readonly boundsThrough?: Partial<Record<Door, Bounds>>;
  /** The doors that it is not done through, and why. */
  readonly notThrough?: Partial<Record<Door, string>>;
  actions(random: Random): readonly Action[];
}

/** Through this door. */
export function boundsOf({ bounds, boundsThrough }: Fault, door: Door): Bounds {
  return boundsThrough?.[door] ?? bounds;
}

/** The streams tell all ends at once, but for so long. */
export function toldByStreams(awayMs = 0): Bounds {
  return { keptMs: awayMs + FREED_MS, uncountedMs: 0, settleMs: FREED_MS };
}

/** For faults of the access log. */
export const NO_LOG = { hold: 'it has no access log' } as const;

type Run = Action['run'];

/** `afterMs`: counted from the begin of the action before it. */
export function act(afterMs: number, what: string, run: Run, more: Partial<Action> = {}): Action {
  return { afterMs, what, run, ...more };
}

/** An action whose end is the end of the fault. */
export function heal(afterMs: number, what: string, run: Run): Action {
  return act(afterMs, what, run, { heals: true });
}

/** Clients that were refused try again until the store is trusted: a store that lacks leases would admit too many. */
export function rush(untrustedMs: number = SCALE.recoveryMs): Action {
  const forMs = untrustedMs + 1_000;
  return { afterMs: 0, forMs, what: `rush for ${forMs / 1000} s`, run: (stage) => stage.rush(2) };
}
