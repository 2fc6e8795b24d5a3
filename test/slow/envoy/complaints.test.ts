/** Mistakes in the configuration of a real Envoy are named by the gate, with the line to change. */

import { afterEach, expect, it } from 'vitest';
import { EXT_AUTHZ, gateClusters, HTTP_MANAGER } from '../../../lab/fleet/edge.ts';
import { Fleet } from '../../../lab/fleet/fleet.ts';
import { until } from '../../../lab/fleet/processes.ts';
import { passed } from '../../../lab/fleet/watch.ts';

const WITHIN_MS = 30_000;

let fleet: Fleet;
afterEach(() => fleet.stop());

/** People come and go until the gate has said it. */
async function untilSaid(text: string, path = '/pod1/'): Promise<Record<string, unknown> | undefined> {
  const find = () => fleet.gate.logs().find(({ msg }) => String(msg).includes(text));
  const isSaid = async () => {
    for (const proxy of fleet.envoys.keys()) await fleet.open(1, path, proxy);
    return find() !== undefined;
  };
  await until(`the gate says: ${text}`, isSaid, WITHIN_MS);
  return find();
}

it('WebSockets of a listener without the ext_authz filter', async () => {
  fleet = await Fleet.start({
    mutate: (config) => config.deleteIn([...HTTP_MANAGER, 'upgrade_configs', 0, 'filters']),
  });
  expect(await untilSaid('lacks the ext_authz filter')).toMatchObject({ who: 'proxy_a', pod: 'pod1', path: '/pod1/' });
});

it('a filter without route_metadata_context_namespaces, told from a route without metadata', async () => {
  const route = [...HTTP_MANAGER, 'route_config', 'virtual_hosts', 0, 'routes', 1, 'metadata'];
  const mutate: NonNullable<Parameters<typeof Fleet.start>[0]['mutate']> = (config) => {
    config.deleteIn([...EXT_AUTHZ, 'route_metadata_context_namespaces']);
    config.deleteIn(route);
  };
  fleet = await Fleet.start({ pods: ['pod1', 'pod2'], mutate });
  await fleet.open(1, '/pod2/');
  const said = await untilSaid('route_metadata_context_namespaces: [wsgate] in the filter');
  expect(said).toMatchObject({ who: 'proxy_a', pod: 'pod1', path: '/pod1/' });
});

it('two Envoys on two hosts with one name', async () => {
  let hosts = 0;
  fleet = await Fleet.start({
    proxies: ['proxy_a', 'proxy_a'],
    workers: 1,
    flushIntervalMs: 1000,
    mutate: (config) => {
      hosts += 1;
      const address = { address: `127.0.0.${hosts}`, port_value: 0 };
      for (const cluster of gateClusters(config)) {
        cluster.set('upstream_bind_config', { source_address: address });
      }
    },
  });
  const said = await untilSaid('Envoys under one name');
  expect(said).toMatchObject({ who: 'proxy_a', from: expect.arrayContaining(['127.0.0.1', '127.0.0.2']) });
});

it('an Envoy that restarts, and two on one host, are no sign of a name that two have', async () => {
  fleet = await Fleet.start({ proxies: ['proxy_a', 'proxy_a'], workers: 2, flushIntervalMs: 1000 });
  for (const proxy of [0, 1]) await fleet.open(5, '/pod1/', proxy);
  await fleet.envoyAt(1).stop();
  await fleet.startEnvoy(1);
  await fleet.open(5, '/pod1/', 1);
  await passed(3000); // each connection has been told three times
  expect(fleet.gate.logs().filter(({ level }) => Number(level) >= 50)).toEqual([]);
});
