/** Small values that the gates of a fleet share, each for a time. `memory-cache.ts` and `redis-cache.ts`. */

import type { Answer } from '../../admission/lease-store.ts';

export interface FleetCache {
  get(key: string): Promise<Answer<string | undefined>>;
  /** Without `ttlMs` it stays. */
  put(key: string, value: string, ttlMs?: number): Promise<Answer<void>>;
  /** True for the first of the fleet that asks, for so long. */
  claim(key: string, ttlMs: number): Promise<Answer<boolean>>;
}
