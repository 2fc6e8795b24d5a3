/** A gate that hangs, on a real Envoy that does not notice: without HTTP/2 keepalive and without health checks. */

import { afterEach, expect, it } from 'vitest';
import type { Document } from 'yaml';
import { closeAll } from '../../../lab/fleet/clients.ts';
import { EXT_AUTHZ, gateClusters } from '../../../lab/fleet/edge.ts';
import { Fleet } from '../../../lab/fleet/fleet.ts';
import type { Gate } from '../../../lab/fleet/gate.ts';
import { passed, rush, watch } from '../../../lab/fleet/watch.ts';

const LIMIT = 20;
const FLUSH_MS = 500;
const TTL_MS = 4 * FLUSH_MS;

let fleet: Fleet;
afterEach(() => fleet.stop());

it('while one of two gates hangs, no slot of a living connection is freed, and nobody gets in beyond the limit', async () => {
  fleet = await Fleet.start({
    store: 'redis',
    gates: 2,
    // Each worker has a log stream of its own, to either gate: with so many, both gates have some of one Envoy.
    workers: 20,
    flushIntervalMs: FLUSH_MS,
    config: {
      lease: { ttl: `${TTL_MS}ms`, recovery: `${2 * FLUSH_MS}ms` },
      store: { deadline: '500ms' },
      limits: { default: { connections: LIMIT } },
    },
    mutate: unnoticed,
  });
  const opened = await fleet.fill(LIMIT);
  const [, hanging] = fleet.gates;
  for (const gate of fleet.gates) await expect.poll(() => logStreams(gate)).toBeGreaterThan(0);
  const counts = watch(() => fleet.leases());
  const crowd = rush(fleet, '/pod1/');
  hanging?.kill('SIGSTOP');
  try {
    await passed(4 * TTL_MS);
  } finally {
    hanging?.kill('SIGCONT');
  }
  await passed(TTL_MS);
  await crowd.stop();
  const found = { over: fleet.pod.connections - LIMIT, ...(await counts.stop()) };
  expect(found).toEqual({ over: 0, least: LIMIT, most: LIMIT });
  await closeAll(opened.slice(0, 5));
  await fleet.settlesAt(LIMIT - 5);
});

function unnoticed(config: Document): void {
  const protocol = ['typed_extension_protocol_options', 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'];
  for (const cluster of gateClusters(config)) {
    cluster.delete('health_checks');
    cluster.deleteIn([...protocol, 'explicit_http_config', 'http2_protocol_options', 'connection_keepalive']);
  }
  // Checks of the gate that hangs are given up, so that the other gate is asked, too.
  config.setIn([...EXT_AUTHZ, 'grpc_service', 'timeout'], '0.2s');
}

async function logStreams(gate: Gate): Promise<number> {
  return (await gate.metrics('/metrics')).wsgate_log_streams ?? 0;
}
