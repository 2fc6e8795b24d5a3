/**
 * How large the fleet of the bench is, and the times that it runs with. Those that configuration can scale are scaled:
 * waiting would be silly. Those that it can't are as they always are, and the lease's ttl stays long enough beside them.
 */

export const SIZE = { gates: 2, proxies: 2, pods: 2, limit: 30 } as const;

export const SCALE = {
  /** Envoy's `access_log_flush_interval`; 15 s in envoy/edge.yaml. */
  flushMs: 1_000,
  /** `lease.ttl`; 60 s by default. Much shorter would be shorter than Envoy takes to leave a gate that hangs. */
  ttlMs: 10_000,
  /** `lease.recovery`; 30 s by default. As there, two flush intervals; and the second in which a gate writes. */
  recoveryMs: 3_000,
  /** `lease.grace`; 5 min by default. */
  graceMs: 30_000,
  /** `listen.keepalive` and its timeout; 30 s and 10 s by default. In the same relation to the ttl. */
  keepaliveMs: 5_000,
  keepaliveTimeoutMs: 1_500,
} as const;

/** What the design gives for a lost end while its proxy lives. */
export const LOST_END_MS = 2 * SCALE.ttlMs;
/** A gate that is cut off retreats after a quarter of a ttl; Envoys notice by two health checks, and log elsewhere. */
export const RETREATED_MS = SCALE.ttlMs / 4 + 2 * 2_000 + 1_000 + SCALE.flushMs + 1_000;
/** Gates look once a second who is there, and once a second which leases are past their time. */
const LOOK_MS = 3_000;
/** What it gives when the proxy died. */
export const DEAD_PROXY_MS = SCALE.graceMs + LOOK_MS;
/** What the log says within an interval, a gate writes within a second. */
export const FLUSHED_MS = SCALE.flushMs + 1_000;

export const WRITTEN_SCALE = [
  `Envoy's flush interval ${SCALE.flushMs / 1000} s instead of 15 s`,
  `lease.ttl ${SCALE.ttlMs / 1000} s instead of 60 s`,
  `lease.recovery ${SCALE.recoveryMs / 1000} s instead of 30 s`,
  `lease.grace ${SCALE.graceMs / 1000} s instead of 5 min`,
  `listen.keepalive ${SCALE.keepaliveMs / 1000} s and its timeout ${SCALE.keepaliveTimeoutMs / 1000} s instead of 30 s and 10 s`,
].join(', ');
