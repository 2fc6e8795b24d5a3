/** Keys whose default is another key's matter: what they come to. */

import type { DurationMs } from './quantities.ts';
import type { Config } from './schema.ts';

const KEEPALIVE_MS_MAX = 30_000;
const KEEPALIVE_TIMEOUT_MS_MAX = 10_000;

/** As long as a renewal: whoever has not spoken of a connection by then has lost its words. */
export function reserveOf({ lease }: Pick<Config, 'lease'>): DurationMs {
  return lease.reserve ?? lease.ttl;
}

/** A flush interval, of which a ttl has two and a half at least, and the time to connect again. */
export function recoveryOf({ lease }: Pick<Config, 'lease'>): DurationMs {
  return lease.recovery ?? Math.ceil(lease.ttl / 2);
}

/** An Envoy that is cut off must not count as talking for a ttl, in which nothing of it arrives. */
export function keepaliveOf({ listen, lease }: Pick<Config, 'listen' | 'lease'>): {
  readonly everyMs: DurationMs;
  readonly timeoutMs: DurationMs;
} {
  return {
    everyMs: listen.keepalive ?? Math.min(KEEPALIVE_MS_MAX, Math.floor(lease.ttl / 2)),
    timeoutMs: listen.keepaliveTimeout ?? Math.min(KEEPALIVE_TIMEOUT_MS_MAX, Math.floor(lease.ttl / 4)),
  };
}
