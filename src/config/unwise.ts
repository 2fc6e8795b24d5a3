/**
 * What a configuration may say, and hardly anybody means: beside the numbers of envoy/edge.yaml, which a gate cannot
 * see. `check-config` tells them; a running gate measures its Envoys instead.
 */

import { formatDuration } from './notations.ts';
import type { Config } from './schema.ts';

/** Of envoy/edge.yaml: `access_log_flush_interval`, and the `timeout` of a Check. */
const FLUSH_MS = 15_000;
const TIMEOUT_MS = 500;

export function unwise({ store, lease }: Config): string[] {
  const ttlMs = 2.5 * FLUSH_MS;
  const flush = `the access_log_flush_interval of envoy/edge.yaml (${formatDuration(FLUSH_MS)})`;
  const warnings: (string | false)[] = [
    lease.ttl < ttlMs &&
      `lease.ttl is ${formatDuration(lease.ttl)}, too short for ${flush}: one lost log entry makes a connection silent ` +
        `for longer. Expected: ${formatDuration(ttlMs)} or more, or a shorter interval`,
    lease.recovery !== undefined &&
      lease.recovery > 0 &&
      lease.recovery <= FLUSH_MS &&
      `lease.recovery is ${formatDuration(lease.recovery)}, too short for ${flush}: a store that lost leases is trusted ` +
        'before Envoys have told of their connections. Expected: longer, or a shorter interval',
    store.url !== undefined &&
      store.deadline * 2 > TIMEOUT_MS &&
      `store.deadline is ${formatDuration(store.deadline)}, too long for the timeout of a Check in envoy/edge.yaml ` +
        `(${formatDuration(TIMEOUT_MS)}): Envoy gives up first, and decides by itself. ` +
        `Expected: ${formatDuration(TIMEOUT_MS / 2)} or less, or a longer timeout`,
  ];
  return warnings.filter((warning) => warning !== false);
}
