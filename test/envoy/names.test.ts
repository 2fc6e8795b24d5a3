/** The names that requests get, on a real Envoy: one pod has one, however a client spells it. */

import { afterEach, expect, it } from 'vitest';
import type { Document, YAMLSeq } from 'yaml';
import { closeAll } from '../../lab/fleet/clients.ts';
import { EXT_AUTHZ, FILTERS, HTTP_MANAGER } from '../../lab/fleet/edge.ts';
import { Fleet, stores } from '../../lab/fleet/fleet.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

it('a client that spells its host in many ways stays within the limit of one pod', async () => {
  const config = { pods: { from: [{ host: '{pod}.example.com' }] }, limits: { default: { connections: 5 } } };
  fleet = await Fleet.start({ config });
  const hosts = [
    'pod1.example.com',
    'POD1.example.com',
    'Pod1.Example.Com.',
    'pod1.example.com:8443',
    'poD1.example.com.:1',
  ];
  const outcomes = await Promise.all(hosts.map((host) => fleet.open(2, '/pod1/', 0, { headers: { host } })));
  expect(outcomes.flatMap(({ opened }) => opened)).toHaveLength(5);
  expect(outcomes.flatMap(({ refused }) => refused.map(({ status }) => status))).toEqual([429, 429, 429, 429, 429]);
  await fleet.settlesAt(5);
  await expect.poll(async () => (await fleet.holders()).map(({ state }) => state)).toEqual(Array(5).fill('live'));
});

it.each(stores)('an Envoy keeps the name that its control plane gave it, on the %s store', async (store) => {
  const proxy = 'router~10.1.2.3~gw-7d9f.default~default.svc.cluster.local';
  // Without metadata: a Check has a label, and the log the node.
  const mutate = (config: Document) => {
    config.deleteIn([...EXT_AUTHZ, 'grpc_service', 'initial_metadata']);
    config.setIn([...EXT_AUTHZ, 'bootstrap_metadata_labels_key'], 'labels');
    config.set('node', config.createNode({ metadata: { labels: { proxy_id: proxy } } }));
  };
  fleet = await Fleet.start({ store, proxies: [proxy], mutate, flushIntervalMs: 500 });
  const { opened } = await fleet.open(3);
  await expect.poll(async () => (await fleet.holders()).map(({ state }) => state)).toEqual(['live', 'live', 'live']);
  await expect.poll(() => fleet.gate.metrics()).toHaveProperty(`websocket_proxy_connections{proxy_id="${proxy}"}`, 3);
  await closeAll(opened);
  await fleet.settlesAt(0);
});

it.each([
  ['metadata of the route', 'route_metadata_context_namespaces', undefined],
  ['dynamic metadata', 'metadata_context_namespaces', 'tenants'],
])('the pod is named by %s in a namespace of its own', async (_what, shown, dynamic) => {
  const namespace = dynamic ?? 'envoy.lb';
  const mutate = (config: Document) => {
    config.setIn([...EXT_AUTHZ, shown], config.createNode([namespace]));
    const metadata = { filter_metadata: { 'envoy.lb': { backend: 'pod1' } } };
    config.setIn([...HTTP_MANAGER, 'route_config', 'virtual_hosts', 0, 'routes', 0, 'metadata'], metadata);
    if (!dynamic) return;
    const type = 'type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config';
    const set = { '@type': type, metadata: [{ metadata_namespace: dynamic, value: { backend: 'pod1' } }] };
    const filters = config.getIn(FILTERS) as YAMLSeq;
    filters.items.unshift(config.createNode({ name: 'set', typed_config: set }));
  };
  const config = {
    pods: { from: [{ metadata: { namespace, key: 'backend' } }] },
    limits: { default: { connections: 2 } },
  };
  fleet = await Fleet.start({ config, mutate });
  const { opened, refused } = await fleet.open(3);
  expect([opened.length, refused.map(({ status }) => status)]).toEqual([2, [429]]);
  await fleet.settlesAt(2);
});
