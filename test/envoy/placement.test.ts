/** The gate chooses the pod of a service, on real Envoys: with envoy/placement.yaml as it is. */

import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { type Document, parse } from 'yaml';
import { closeAll, type Outcome } from '../../lab/fleet/clients.ts';
import { CLUSTERS, FILTERS, HTTP_MANAGER, waitPatiently } from '../../lab/fleet/edge.ts';
import { Fleet, type FleetOptions, stores } from '../../lab/fleet/fleet.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

const PODS = ['chat-1', 'chat-2', 'chat-3'];
const FULL = '429 {"error":"LIMIT_EXCEEDED","retry_after":5}';

async function start(options: FleetOptions): Promise<void> {
  fleet = await Fleet.start({ file: 'placement.yaml', pods: PODS, serviceLimit: 5, ...options });
}

/** What each pod has: WebSockets by its own word, and leases by the gate's. */
function connections(): number[] {
  return fleet.pods.map((pod) => pod.connections);
}

function leases(): Promise<number[]> {
  return Promise.all(fleet.pods.map(({ port }) => fleet.connections(`chat/127.0.0.1:${port}`)));
}

function answers({ refused }: Outcome): string[] {
  return refused.map(({ status, body }) => `${status} ${body}`);
}

/** The hold door of envoy/hold.yaml, in the place of ext_authz and the access log. */
function byHoldDoor(config: Document): void {
  const hold = parse(readFileSync(new URL('../../envoy/hold.yaml', import.meta.url), 'utf8'));
  const [manager] = hold.static_resources.listeners[0].filter_chains[0].filters;
  const { filters } = manager.typed_config.upgrade_configs[0];
  filters[0].typed_config.request_attributes.push("xds.route_metadata.filter_metadata['wsgate']['service']");
  config.setIn(FILTERS, config.createNode(filters));
  waitPatiently(config);
  for (const key of ['access_log', 'access_log_options']) config.deleteIn([...HTTP_MANAGER, key]);
}

describe.each(stores)('with envoy/placement.yaml, on the %s store', (store) => {
  it('the pods of a service fill evenly, up to their limits; each lease is that of the pod that has its WebSocket', async () => {
    await start({ store });
    const { opened } = await fleet.open(6, '/chat/');
    expect([opened.length, connections()]).toEqual([6, [2, 2, 2]]);
    await expect.poll(leases).toEqual([2, 2, 2]);
    const more = await fleet.open(12, '/chat/');
    expect([connections(), answers(more)]).toEqual([
      [5, 5, 5],
      [FULL, FULL, FULL],
    ]);
    await expect.poll(leases).toEqual([5, 5, 5]);
    await closeAll(opened);
    await expect.poll(leases).toEqual([3, 3, 3]);
    expect((await fleet.open(9, '/chat/')).opened).toHaveLength(6);
    expect(connections()).toEqual([5, 5, 5]);
  });
});

describe.each([
  ['ext_authz', undefined],
  ['the hold door', byHoldDoor],
] as const)('by %s', (_door, mutate) => {
  it('of three times as many as there is room for exactly as many get in, each pod gets its limit; by three Envoys and two gates', async () => {
    const pods = Array.from({ length: 10 }, (_, i) => `chat-${i}`);
    const proxies = ['proxy_a', 'proxy_b', 'proxy_c'];
    await start({ store: 'redis', gates: 2, proxies, pods, serviceLimit: 20, ...(mutate ? { mutate } : {}) });
    const all = (count: number) => Promise.all(proxies.map((_, proxy) => fleet.open(count, '/chat/', proxy)));
    const outcomes = await all(200);
    expect(outcomes.flatMap(({ failed }) => failed)).toEqual([]);
    expect(outcomes.flatMap(({ opened }) => opened)).toHaveLength(200);
    expect(new Set(outcomes.flatMap(answers))).toEqual(new Set([FULL]));
    expect(connections()).toEqual(Array(10).fill(20));
    await expect.poll(leases).toEqual(Array(10).fill(20));
    fleet.envoyAt(0).kill('SIGTERM');
    await fleet.envoyAt(0).ended;
    const left = outcomes.slice(1).flatMap(({ opened }) => opened).length;
    await expect.poll(async () => (await leases()).reduce((a, b) => a + b), { timeout: 3000 }).toBe(left);
    expect(connections().reduce((a, b) => a + b)).toBe(left);
  });
});

it.each(stores)(
  'a pod where nothing listens gets one connection and then none for a while; on the %s store',
  async (store) => {
    await start({ store, serviceLimit: 100 });
    await fleet.podAt(0).stop();
    const { opened, refused } = await fleet.open(30, '/chat/', 0, { concurrency: 1 });
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(5);
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 503));
    expect(opened).toHaveLength(30 - refused.length);
    await expect.poll(leases, { timeout: 3000 }).toEqual(connections());
    expect(fleet.gate.lines().join()).toContain('a pod refused a connection');
  },
);

describe.each(stores)('of ten pods, at two of which nothing listens, on the %s store', (store) => {
  const pods = Array.from({ length: 10 }, (_, i) => `chat-${i}`);
  const begin = async (service: Record<string, unknown>) => {
    await start({ store, pods, serviceLimit: 100, service });
    await Promise.all([fleet.podAt(3).stop(), fleet.podAt(7).stop()]);
  };
  const leasesAreThere = () => expect.poll(leases, { timeout: 3000 }).toEqual(connections());

  it('each client is let in where the gate names further pods; the leases are where the WebSockets are', async () => {
    await begin({ fallbacks: 2 });
    const { opened, refused, failed } = await fleet.open(80, '/chat/', 0, { concurrency: 40 });
    expect([opened.length, refused, failed]).toEqual([80, [], []]);
    expect(connections().reduce((a, b) => a + b)).toBe(80);
    await leasesAreThere();
    const lines = fleet.gate.lines().join();
    expect(lines).toContain('a pod refused a connection');
    expect(lines).not.toContain('sends WebSockets to other pods than the gate has chosen');
  });

  it('each is let in when it comes again, where the gate names one only', async () => {
    await begin({});
    let missing = 80;
    for (let round = 0; round < 3 && missing > 0; round += 1) {
      missing -= (await fleet.open(missing, '/chat/', 0, { concurrency: 8 })).opened.length;
    }
    expect(missing).toBe(0);
    await leasesAreThere();
  });
});

it('a client sticks to its pod, by a header and at both doors', async () => {
  for (const mutate of [undefined, byHoldDoor]) {
    await start({
      store: 'redis',
      serviceLimit: 9,
      service: { sticky: 'header:x-user' },
      ...(mutate ? { mutate } : {}),
    });
    const { opened } = await fleet.open(6, '/chat/', 0, { headers: { 'x-user': 'ann' } });
    expect([opened.length, connections().toSorted()]).toEqual([6, [0, 0, 6]]);
    await closeAll(opened);
    if (!mutate) await fleet.stop();
  }
});

/** The cluster falls back to any pod, and Envoy tries again there when one refuses. */
function notStrict(config: Document): void {
  const override = [...CLUSTERS, 0, 'load_balancing_policy', 'policies', 0, 'typed_extension_config', 'typed_config'];
  const roundRobin = 'type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin';
  const policy = { typed_extension_config: { name: 'any', typed_config: { '@type': roundRobin } } };
  config.setIn([...override, 'fallback_policy'], config.createNode({ policies: [policy] }));
  const route = [...HTTP_MANAGER, 'route_config', 'virtual_hosts', 0, 'routes', 0, 'route'];
  config.setIn([...route, 'retry_policy'], config.createNode({ retry_on: 'connect-failure,reset', num_retries: 3 }));
}

it.each(stores)(
  'where Envoy went to another pod than the gate chose, the lease is there, too; on the %s store',
  async (store) => {
    await start({ store, pods: ['chat-1', 'chat-2', 'chat-3', 'chat-4'], serviceLimit: 100, mutate: notStrict });
    await fleet.podAt(0).stop();
    await fleet.podAt(1).stop();
    expect((await fleet.open(40, '/chat/', 0, { concurrency: 1 })).opened).toHaveLength(40);
    expect(connections().reduce((a, b) => a + b)).toBe(40);
    await expect.poll(leases, { timeout: 3000 }).toEqual(connections());
    const lines = fleet.gate.lines().join();
    expect(lines).toContain('sends WebSockets to other pods than the gate has chosen');
    expect(lines).toContain('a pod refused a connection');
  },
);

it('a client cannot choose the pod, and the pod does not see what it tried', async () => {
  await start({});
  const [pod] = fleet.pods;
  const headers = { 'x-gateway-destination-endpoint': `127.0.0.1:${pod?.port}` };
  expect((await fleet.open(9, '/chat/', 0, { headers })).opened).toHaveLength(9);
  expect(connections()).toEqual([3, 3, 3]);
  const seen = fleet.pods.flatMap((each) => each.upgrades()).map((each) => each['x-gateway-destination-endpoint']);
  expect(seen).toEqual(Array(9).fill(undefined));
  const plain = await fetch(`http://127.0.0.1:${fleet.envoy.port}/chat/`, { headers });
  expect(await plain.text()).toMatch(/^chat-\d: GET \/chat\/\n$/);
});
