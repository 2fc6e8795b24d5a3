/**
 * Claims: the limits that an upgrade falls under. Today exactly one, that of its pod, and the type says so: whoever adds
 * another kind widens `Claims`, and the compiler names each place that takes them apart. The store takes all or none.
 */

import type { PodId } from './ids.ts';
import type { LimitSource } from './limit-source.ts';
import type { Upgrade } from './verdict.ts';

export interface Claim {
  readonly kind: 'pod';
  readonly pod: PodId;
  /** The maximum number of leases with this claim, as configured: an override in the store wins. */
  readonly limit: number;
}

export type Claims = readonly [Claim];

/** The one place where an upgrade's claims are made. */
export function claimsOf({ pod }: Pick<Upgrade, 'pod'>, limits: LimitSource): Claims {
  return [{ kind: 'pod', pod, limit: limits.configured(pod) }];
}
