/** WebSockets that reach their listener from another one of the same Envoy, as in Istio's waypoints. */

import { afterEach, expect, it } from 'vitest';
import type { Document, YAMLSeq } from 'yaml';
import { closeAll } from '../../lab/fleet/clients.ts';
import { CLUSTERS, EXT_AUTHZ } from '../../lab/fleet/edge.ts';
import { Fleet, stores } from '../../lab/fleet/fleet.ts';
import { until } from '../../lab/fleet/processes.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

const TYPE = 'type.googleapis.com/envoy.extensions';

/** The listener becomes an internal one, and another one leads to it all that it accepts. */
function leadInside(config: Document): void {
  const listeners = config.getIn(['static_resources', 'listeners']) as YAMLSeq;
  const address = config.getIn(['static_resources', 'listeners', 0, 'address']);
  config.setIn(['static_resources', 'listeners', 0, 'name'], 'inner');
  for (const key of ['address', 'socket_options']) config.deleteIn(['static_resources', 'listeners', 0, key]);
  config.setIn(['static_resources', 'listeners', 0, 'internal_listener'], {});
  const proxy = { '@type': `${TYPE}.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 'outer', cluster: 'inner' };
  const filters = [{ name: 'envoy.filters.network.tcp_proxy', typed_config: proxy }];
  listeners.add(config.createNode({ name: 'edge', address, filter_chains: [{ filters }] }));
  const inner = { envoy_internal_address: { server_listener_name: 'inner', endpoint_id: 'pods' } };
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: inner } }] }];
  config.addIn(CLUSTERS, config.createNode({ name: 'inner', load_assignment: { cluster_name: 'inner', endpoints } }));
  const internal = { '@type': `${TYPE}.bootstrap.internal_listener.v3.InternalListener` };
  config.set('bootstrap_extensions', [{ name: 'envoy.bootstrap.internal_listener', typed_config: internal }]);
}

it.each(stores)('keep to the limit on the %s store, and free their slots when they end', async (store) => {
  const config = { limits: { default: { connections: 50 } } };
  fleet = await Fleet.start({ store, config, flushIntervalMs: 500, mutate: leadInside });
  const { opened, refused } = await fleet.open(80, '/pod1/', 0, { concurrency: 80 });
  expect([opened.length, refused.length]).toEqual([50, 30]);
  await expect.poll(async () => (await fleet.holders()).filter(({ state }) => state === 'live').length).toBe(50);
  expect((await fleet.holders())[0]).toMatchObject({ client: expect.stringMatching(/^envoy:--/) });
  await closeAll(opened.slice(0, 20));
  await fleet.settlesAt(30);
  expect((await fleet.open(30)).opened).toHaveLength(20);
});

it('are counted when Envoy let them in while no gate was there', async () => {
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
