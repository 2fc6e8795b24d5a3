/**
 * What must be true at all times, looked at where it costs next to nothing. A broken one is a bug of ours, or somebody
 * else's hand in Redis: it is counted and told, and the gate goes on with what it was told.
 */

import type { Events, Invariant } from './events.ts';

export function mustHold(events: Events, invariant: Invariant, holds: boolean): void {
  if (!holds) events.emit('invariantBroken', invariant);
}
