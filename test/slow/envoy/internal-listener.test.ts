/** WebSockets whose peers all have one address: they come from another listener of the same Envoy, as in Istio's waypoints. */

import { afterEach, expect, it } from 'vitest';
import type { Document, YAMLSeq } from 'yaml';
import { closeAll } from '../../../lab/fleet/clients.ts';
import { CLUSTERS, EXT_AUTHZ } from '../../../lab/fleet/edge.ts';
import { Fleet } from '../../../lab/fleet/fleet.ts';
import { until } from '../../../lab/fleet/processes.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

const TYPE = 'type.googleapis.com/envoy.extensions';

const INTERNAL = { envoy_internal_address: { server_listener_name: 'inner', endpoint_id: 'pods' } };
/** A unix socket without a file. */
const SOCKET = { pipe: { path: `@/wsgate-test-${process.pid}` } };

/** The listener becomes one that other machines cannot reach, and another one leads to it all that it accepts. */
function leadInside(config: Document, inner: typeof INTERNAL | typeof SOCKET = INTERNAL): void {
  const listeners = config.getIn(['static_resources', 'listeners']) as YAMLSeq;
  const address = config.getIn(['static_resources', 'listeners', 0, 'address']);
  config.setIn(['static_resources', 'listeners', 0, 'name'], 'inner');
  for (const key of ['address', 'socket_options']) config.deleteIn(['static_resources', 'listeners', 0, key]);
  if (inner === SOCKET) config.setIn(['static_resources', 'listeners', 0, 'address'], config.createNode(inner));
  else config.setIn(['static_resources', 'listeners', 0, 'internal_listener'], {});
  const proxy = { '@type': `${TYPE}.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 'outer', cluster: 'inner' };
  const filters = [{ name: 'envoy.filters.network.tcp_proxy', typed_config: proxy }];
  listeners.add(config.createNode({ name: 'edge', address, filter_chains: [{ filters }] }));
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: inner } }] }];
  config.addIn(CLUSTERS, config.createNode({ name: 'inner', load_assignment: { cluster_name: 'inner', endpoints } }));
  const internal = { '@type': `${TYPE}.bootstrap.internal_listener.v3.InternalListener` };
  config.set('bootstrap_extensions', [{ name: 'envoy.bootstrap.internal_listener', typed_config: internal }]);
}

it.each([
  ['internal listener', 'edge.yaml', 'redis', INTERNAL, 'envoy:--'],
  ['internal listener', 'hold.yaml', undefined, INTERNAL, 'envoy:--'],
  ['internal listener', 'edge-hold.yaml', undefined, INTERNAL, 'envoy:--'],
  ['unix socket', 'hold.yaml', 'redis', SOCKET, 'pipe:'],
] as const)('those of an %s keep to the limit with envoy/%s, and free their slots when they end', async (...given) => {
  const [, file, store, inner, peer] = given;
  const config = { limits: { default: { connections: 50 } } };
  const mutate = (document: Document) => leadInside(document, inner);
  fleet = await Fleet.start({ file, ...(store ? { store } : {}), config, flushIntervalMs: 500, mutate });
  const { opened, refused } = await fleet.open(80, '/pod1/', 0, { concurrency: 80 });
  expect([opened.length, refused.map(({ status }) => status)]).toEqual([50, Array(30).fill(429)]);
  await expect.poll(async () => (await fleet.holders()).filter(({ state }) => state === 'live').length).toBe(50);
  expect((await fleet.holders())[0]?.client).toMatch(new RegExp(`^${peer}`));
  await closeAll(opened.slice(0, 20));
  await fleet.settlesAt(30);
  expect((await fleet.open(30)).opened).toHaveLength(20);
});

it('those of an internal listener are counted when Envoy let them in while no gate was there', async () => {
  const mutate = (config: Document) => {
    leadInside(config);
    config.setIn([...EXT_AUTHZ, 'failure_mode_allow'], true);
  };
  fleet = await Fleet.start({ flushIntervalMs: 500, mutate });
  await fleet.endGate('SIGKILL');
  const { opened } = await fleet.open(10, '/pod1/', 0, { concurrency: 1 });
  expect(opened).toHaveLength(10);
  await fleet.startGate();
  await fleet.settlesAt(10, 10_000);
  await closeAll(opened);
  await until('their slots are free', async () => (await fleet.connections()) === 0, 5000);
});
