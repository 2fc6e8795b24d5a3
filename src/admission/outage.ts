/** What becomes of an upgrade while the store cannot be asked. This is the one place that decides it. */

import type { DenialReason } from './gate.ts';

/** `deny`: nobody gets in. `allow`: everybody does, and is counted when the store is back. */
export type OutagePolicy = 'deny' | 'allow';

export function decideWithoutStore(
  policy: OutagePolicy,
): { admitted: true } | { admitted: false; reason: DenialReason } {
  switch (policy) {
    case 'deny':
      return { admitted: false, reason: 'STORE_UNAVAILABLE' };
    case 'allow':
      return { admitted: true };
  }
}
