/** Small values that the gates of a fleet share, each for a time. Made by `memory-cache.ts` and `redis-cache.ts`. */

import type { Answer } from '../../admission/lease-store.ts';

export interface FleetCache {
  get(key: string): Promise<Answer<string | undefined>>;
  /** Without `ttlMs` the value stays. */
  put(key: string, value: string, ttlMs?: number): Promise<Answer<void>>;
  /** True for the first gate that asks, false for all others in the next `ttlMs`. */
  claim(key: string, ttlMs: number): Promise<Answer<boolean>>;
}
