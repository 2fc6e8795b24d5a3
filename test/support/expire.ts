/** What the reaper asks of a store, in short. */

import type { ProxyId } from '../../src/admission/ids.ts';
import type { LeaseTimes, Silence } from '../../src/admission/lease-store.ts';

export const HOUR_MS = 3_600_000;
/** A lease may have been good for longer than any test lasts: its last word is as old as that. */
export const TIMES: LeaseTimes = { ttlMs: HOUR_MS, reserveMs: HOUR_MS, unrenewedMaxMs: 1000 * HOUR_MS };

/** All of the proxy's leases past their expiry are to go. */
export function gone(...proxies: readonly ProxyId[]): Silence[] {
  return proxies.map((proxy) => ({
    proxy,
    silentMs: 0,
    unheardUntilMs: -1e15,
    completeSinceMs: Number.MAX_SAFE_INTEGER,
    toldOnly: false,
    tellsHeld: false,
    heldCompleteSinceMs: Number.MAX_SAFE_INTEGER,
  }));
}
