/**
 * The cache of a gate without Redis.
 *
 * By hand, not lru-cache: an LRU would push out a used ticket before its time, and that ticket would be good again.
 */

import type { Answer } from '../../admission/lease-store.ts';
import type { FleetCache } from './fleet-cache.ts';

/** Values that have expired are thrown away once in so many writes. */
const SWEEP_EVERY = 1000;

export class MemoryCache implements FleetCache {
  readonly #values = new Map<string, { readonly value: string; readonly untilMs: number }>();
  #writes = 0;

  async get(key: string): Promise<Answer<string | undefined>> {
    return { ok: true, value: this.#read(key) };
  }

  async put(key: string, value: string, ttlMs = Number.POSITIVE_INFINITY): Promise<Answer<void>> {
    this.#write(key, value, ttlMs);
    return { ok: true, value: undefined };
  }

  async claim(key: string, ttlMs: number): Promise<Answer<boolean>> {
    const free = this.#read(key) === undefined;
    if (free) this.#write(key, '', ttlMs);
    return { ok: true, value: free };
  }

  #read(key: string): string | undefined {
    const entry = this.#values.get(key);
    return entry && entry.untilMs > performance.now() ? entry.value : undefined;
  }

  #write(key: string, value: string, ttlMs: number): void {
    const nowMs = performance.now();
    this.#values.set(key, { value, untilMs: nowMs + ttlMs });
    this.#writes += 1;
    if (this.#writes % SWEEP_EVERY !== 0) return;
    for (const [each, { untilMs }] of this.#values) if (untilMs <= nowMs) this.#values.delete(each);
  }
}
