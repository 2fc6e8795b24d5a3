/**
 * How large the fleet of the bench is, and the times that it runs with: those that are shipped, all divided by one
 * number, so that every ratio between them is the shipped one. What no configuration scales is as it always is: a
 * heartbeat of 1 s, Envoy's health checks (2 s), its keepalive (3 s and 2 s), deadlines. By more than 6, the ttl would be
 * shorter than Envoy takes to leave a gate that hangs, and a flush interval hardly longer than a heartbeat.
 */

export const SIZE = { gates: 2, proxies: 2, pods: 2, limit: 30 } as const;

const DIVISOR = 6;

/** envoy/edge.yaml, and the defaults of wsgate.example.yaml. */
const SHIPPED = {
  flushMs: 15_000,
  ttlMs: 60_000,
  recoveryMs: 30_000,
  graceMs: 300_000,
  keepaliveMs: 30_000,
  keepaliveTimeoutMs: 10_000,
} as const;

const scaled = (key: keyof typeof SHIPPED) => Math.round(SHIPPED[key] / DIVISOR);

export const SCALE = {
  /** Envoy's `access_log_flush_interval`. */
  flushMs: scaled('flushMs'),
  /** `lease.ttl` */
  ttlMs: scaled('ttlMs'),
  /** `lease.recovery` */
  recoveryMs: scaled('recoveryMs'),
  /** `lease.grace` */
  graceMs: scaled('graceMs'),
  /** `listen.keepalive` and `listen.keepaliveTimeout` */
  keepaliveMs: scaled('keepaliveMs'),
  keepaliveTimeoutMs: scaled('keepaliveTimeoutMs'),
  /**
   * `lease.unrenewedMax`, where there is the hold door. A sixth of the shipped 24 h could not be waited for: so it is
   * only longer than the grace, as it has to be, and longer than what any fault of the list takes.
   */
  unrenewedMaxMs: scaled('graceMs') + 20_000,
} as const;

/** Longer than a ttl; longer than the grace. */
export const BEYOND_TTL_MS = SCALE.ttlMs + 2_000;
export const BEYOND_GRACE_MS = SCALE.graceMs + 5_000;

/** A gate writes what is due, and beats, once a second. */
const BEAT_MS = 1_000;
/** How long the design lets a slot stay taken when the end of its connection was lost and its proxy lives. */
export const LOST_END_MS = 2 * SCALE.ttlMs;
/** What the log says within an interval, a gate writes within a second. */
export const FLUSHED_MS = SCALE.flushMs + BEAT_MS;
/** What the log says at once, a gate writes within a second; and a close is on its way to the log for another. */
export const FREED_MS = 2 * BEAT_MS;
/** A gate that is cut off retreats after a quarter of a ttl; Envoys notice by two health checks, and log elsewhere. */
export const RETREATED_MS = SCALE.ttlMs / 4 + 2 * 2_000 + 1_000 + FLUSHED_MS;
/** Gates look once a second who is there, and once a second which leases are past their time. */
export const LOOK_MS = 3_000;
/** An open stream renews its lease at least so often. */
export const RENEWED_MS = SCALE.ttlMs / 4 + 2 * BEAT_MS;
/** How long the design lets slots stay taken when their proxy has died. */
export const DEAD_PROXY_MS = SCALE.graceMs + LOOK_MS;
/**
 * A gate reads all counts with each pass of its reaper: every tenth of a ttl, from 1 s to 10 s, on the heartbeat after
 * that. So the last count that it read is never older than this.
 */
export const COUNTS_AGE_MS = Math.min(Math.max(SCALE.ttlMs / 10, BEAT_MS), 10_000) + BEAT_MS + 200;

export const WRITTEN_SCALE =
  `every time that can be configured is the shipped one divided by ${DIVISOR}: ` +
  [
    `Envoy's flush interval ${inSeconds('flushMs')}`,
    `lease.ttl ${inSeconds('ttlMs')}`,
    `lease.recovery ${inSeconds('recoveryMs')}`,
    `lease.grace ${inSeconds('graceMs')}`,
    `listen.keepalive ${inSeconds('keepaliveMs')} and its timeout ${inSeconds('keepaliveTimeoutMs')}`,
  ].join(', ') +
  `; where there is the hold door, lease.unrenewedMax is ${inSeconds('unrenewedMaxMs')} instead of 24 h`;

function inSeconds(key: keyof typeof SCALE): string {
  return `${Number((SCALE[key] / 1000).toFixed(1))} s`;
}
