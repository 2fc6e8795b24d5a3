/**
 * What must be true at all times, looked at where it costs next to nothing. A broken one is a bug of ours, or somebody
 * else's hand in Redis: it is counted and told, and the gate goes on with what it was told.
 */

import type { Events } from './events.ts';

/**
 * `denied-below-limit`: the store says that a pod is full, and counts fewer than its limit. `answered-too-many`: it put
 * in or took out more leases than it was asked to. `expired-unnamed`: it took a lease of a proxy that it was not to.
 * `counts-differ`: a pod's count is not the sum of its proxies'. `entry-astray`: the ledger has an entry that its
 * stream does not. `standing-astray`: the standing toward the store took a step that there is not.
 */
export type Invariant =
  | 'denied-below-limit'
  | 'answered-too-many'
  | 'expired-unnamed'
  | 'counts-differ'
  | 'entry-astray'
  | 'standing-astray';

export function mustHold(events: Events, invariant: Invariant, holds: boolean): void {
  if (!holds) events.emit('invariantBroken', invariant);
}
