/** Keys whose default depends on another key: what they come to. */

import type { DurationMs } from './notations.ts';

interface Lease {
  readonly ttl: DurationMs;
  readonly reserve?: DurationMs;
  readonly recovery?: DurationMs;
}

interface Listen {
  readonly keepalive?: DurationMs;
  readonly keepaliveTimeout?: DurationMs;
}

const KEEPALIVE_MS_MAX = 30_000;
const KEEPALIVE_TIMEOUT_MS_MAX = 10_000;

/** As long as a renewal: whoever has not told of a connection by then never will. */
export function reserveOf({ lease }: { readonly lease: Lease }): DurationMs {
  return lease.reserve ?? lease.ttl;
}

/** A flush interval and the time to connect again: a ttl is two and a half flush intervals at least. */
export function recoveryOf({ lease }: { readonly lease: Lease }): DurationMs {
  return lease.recovery ?? Math.ceil(lease.ttl / 2);
}

/** Together less than a ttl: an Envoy that is cut off is noticed before its leases expire. */
export function keepaliveOf({ listen, lease }: { readonly listen: Listen; readonly lease: Lease }) {
  return {
    everyMs: listen.keepalive ?? Math.min(KEEPALIVE_MS_MAX, Math.floor(lease.ttl / 2)),
    timeoutMs: listen.keepaliveTimeout ?? Math.min(KEEPALIVE_TIMEOUT_MS_MAX, Math.floor(lease.ttl / 4)),
  };
}
