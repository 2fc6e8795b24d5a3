/** Which faults are run, each under which `outage.policy` and through which door. */

import { DOOR_NAMES, type Door } from './doors.ts';
import type { Fault } from './fault.ts';
import type { Policy } from './fleet-options.ts';

/** `both`: share and deny. `alternate`: one of these for each fault, by turns. */
export type Policies = Policy | 'both' | 'alternate';

/** One run of one fault. */
export interface Trial {
  readonly fault: Fault;
  readonly policy: Policy;
  readonly door: Door;
}

export interface Chosen {
  readonly policies: Policies;
  readonly doors?: readonly Door[];
  /** All faults if not given. */
  readonly names?: readonly string[] | undefined;
}

/** In the order of the faults. With `alternate`, a fault has the same policy whichever faults are chosen. */
export function trialsOf(faults: readonly Fault[], { policies, doors = ['log'], names }: Chosen): Trial[] {
  return faults
    .flatMap((fault, index) =>
      DOOR_NAMES.filter((door) => doors.includes(door) && fault.notThrough?.[door] === undefined).flatMap((door) =>
        policiesAt(index, policies).map((policy) => ({ fault, policy, door })),
      ),
    )
    .filter(({ fault }) => names === undefined || names.includes(fault.name));
}

function policiesAt(index: number, policies: Policies): Policy[] {
  if (policies === 'both') return ['share', 'deny'];
  if (policies === 'alternate') return [index % 2 === 0 ? 'share' : 'deny'];
  return [policies];
}
