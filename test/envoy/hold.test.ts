/** The hold door, on a real Envoy: one stream for each WebSocket, open for exactly as long. */

import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { type Document, isMap, isSeq } from 'yaml';
import { closeAll } from '../../lab/fleet/clients.ts';
import { FILTERS, HTTP_MANAGER } from '../../lab/fleet/edge.ts';
import { Fleet, type FleetOptions, stores } from '../../lab/fleet/fleet.ts';
import { until } from '../../lab/fleet/processes.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

async function start(options: FleetOptions, limit = 5): Promise<void> {
  fleet = await Fleet.start({ ...options, config: { limits: { default: { connections: limit } }, ...options.config } });
}

/** How many streams the gate holds. */
async function held(gate = fleet.gate): Promise<number> {
  return (await gate.metrics('/metrics')).wsgate_held_streams ?? Number.NaN;
}

async function holds(count: number): Promise<void> {
  await until(`${count} streams are held`, async () => (await held()) === count, 2000);
}

const TOO_MANY = '429 application/json 5 {"error":"LIMIT_EXCEEDED","retry_after":5}';

describe.each(['hold.yaml', 'edge-hold.yaml'] as const)('with envoy/%s', (file) => {
  describe.each(stores)('on the %s store', (store) => {
    it('as many get in as the limit says, and each slot is free when its WebSocket ends', async () => {
      await start({ file, store });
      const { opened, refused } = await fleet.open(15);
      expect(opened).toHaveLength(5);
      expect(refused.map(answer)).toEqual(Array(10).fill(TOO_MANY));
      await fleet.settlesAt(5);
      await holds(5);
      const [polite, rude] = opened;
      if (polite) await closeAll([polite]);
      await fleet.settlesAt(4);
      rude?.reset();
      await fleet.settlesAt(3);
      fleet.pod.closeAll();
      await fleet.settlesAt(0);
      await holds(0);
    });

    it('three Envoys let in exactly the limit when three times as many ask at once', async () => {
      await start({ file, store, proxies: ['proxy_a', 'proxy_b', 'proxy_c'] }, 100);
      const outcomes = await Promise.all([0, 1, 2].map((proxy) => fleet.open(100, '/pod1/', proxy)));
      expect(outcomes.flatMap(({ opened }) => opened)).toHaveLength(100);
      expect(outcomes.flatMap(({ failed }) => failed)).toEqual([]);
      await fleet.settlesAt(100);
      await holds(100);
    });
  });

  it('a slot is free when the pod refuses, is not there, or the client leaves before the pod has answered', async () => {
    await start({ file });
    const { refused } = await fleet.open(5, '/pod1/?refuse=403');
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403]);
    await fleet.settlesAt(0);
    const asking = request(`http://127.0.0.1:${fleet.envoy.port}/pod1/?delay=2000`, { headers: UPGRADE });
    asking.on('error', () => {});
    asking.end();
    await fleet.settlesAt(1);
    asking.destroy();
    await fleet.settlesAt(0);
    await fleet.pod.stop();
    expect((await fleet.open(5)).refused.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503]);
    await fleet.settlesAt(0);
    await holds(0);
  });

  it('all slots are free when an Envoy with 500 WebSockets gets SIGTERM', async () => {
    await start({ file }, 1000);
    expect((await fleet.open(500)).opened).toHaveLength(500);
    await fleet.settlesAt(500);
    await holds(500);
    fleet.envoy.kill('SIGTERM');
    await fleet.envoy.ended;
    await fleet.settlesAt(0);
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)('no WebSocket is closed when its gate gets %s', async (signal) => {
    await start({ file, store: 'redis' });
    const { opened } = await fleet.open(5);
    await holds(5);
    await fleet.restartGate(signal);
    await fleet.settlesAt(5);
    expect((await fleet.open(3)).refused.map(answer)).toEqual([TOO_MANY, TOO_MANY, TOO_MANY]);
    expect(opened.map(({ readyState }) => readyState)).toEqual(Array(5).fill(1));
    expect(fleet.pod.connections).toBe(5);
  });

  it('no WebSocket is closed, and no other one opens, while its gate hangs', async () => {
    await start({ file, patient: false, config: { lease: { recovery: '0s' } } });
    const { opened } = await fleet.open(3);
    await holds(3);
    fleet.gate.kill('SIGSTOP');
    expect((await fleet.open(2)).refused.map(({ status }) => status)).toEqual([503, 503]);
    fleet.gate.kill('SIGCONT');
    await fleet.settlesAt(3);
    expect(opened.map(({ readyState }) => readyState)).toEqual([1, 1, 1]);
  });

  it('plain HTTP through the same routes is neither asked about nor held', async () => {
    await start({ file });
    const response = await fetch(`http://127.0.0.1:${fleet.envoy.port}/pod1/`);
    expect(await response.text()).toBe('pod1: GET /pod1/\n');
    expect(await held()).toBe(0);
    expect((await fleet.gate.metrics('/metrics')).wsgate_decisions_total).toBeUndefined();
  });
});

describe('a connection is closed on request', () => {
  const close = async (lease: string, gate = fleet.gate, body?: object, how = 'close') => {
    const url = `http://127.0.0.1:${gate.httpPort}/v1/pods/pod1/connections/${encodeURIComponent(lease)}/${how}`;
    const json = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    return (await fetch(url, { method: 'POST', ...json })).json();
  };

  it.each(['hold.yaml', 'edge-hold.yaml'] as const)('with envoy/%s, that one alone, by any gate', async (file) => {
    await start({ file, store: 'redis', gates: 2 });
    await fleet.open(5);
    await fleet.settlesAt(5);
    const leases = (await fleet.holders()).map(({ lease }) => lease);
    expect(await close(leases[0] ?? '', fleet.gateAt(0), { reason: 'too_old' })).toEqual({ closed: true });
    expect(await close(leases[1] ?? '', fleet.gateAt(1))).toEqual({ closed: true });
    await fleet.settlesAt(3);
    expect(fleet.pod.connections).toBe(3);
    expect((await fleet.holders()).map(({ lease }) => lease)).toEqual(leases.slice(2));
    expect(await close(leases[0] ?? '')).toEqual({ closed: false, why: 'it holds no slot of this pod' });
  });

  it('when its slot is freed by force, by any gate; where none holds it, it is only uncounted', async () => {
    await start({ file: 'edge-hold.yaml', store: 'redis', gates: 2, flushIntervalMs: 500 });
    await fleet.open(4);
    await fleet.settlesAt(4);
    const [first = '', second = '', third = ''] = (await fleet.holders()).map(({ lease }) => lease);
    const expiries = async () => (await fleet.redis?.client.zrange('ws:pod_conn:pod1', '0', '-1', 'WITHSCORES')) ?? [];
    const areHeld = async () => (await expiries()).every((expiry, i) => i % 2 === 0 || Number(expiry) % 8 >= 4);
    await until('the store knows that they are held', areHeld);
    const force = (lease: string, index: number) => close(lease, fleet.gateAt(index), undefined, 'release');
    expect(await force(first, 0)).toEqual({ released: true, closed: true });
    expect(await force(second, 1)).toEqual({ released: true, closed: true });
    await fleet.settlesAt(2);
    expect(fleet.pod.connections).toBe(2);
    await fleet.restartGate('SIGKILL', 0);
    await fleet.restartGate('SIGKILL', 1);
    const why = expect.stringContaining('no gate holds a stream');
    expect(await force(third, 0)).toEqual({ released: true, closed: false, why });
    expect(fleet.pod.connections).toBe(2);
    await fleet.settlesAt(2, 5000); // its log tells of it: an entry may be lost with the gates, and renewals go once a second
  });

  it('only where a gate holds its stream', async () => {
    await start({ file: 'edge.yaml' });
    await fleet.open(1);
    await fleet.settlesAt(1);
    const [holder] = await fleet.holders();
    expect(await close(holder?.lease ?? '')).toMatchObject({
      closed: false,
      why: expect.stringContaining('hold door'),
    });
    expect(fleet.pod.connections).toBe(1);
  });
});

/** The door in front of all requests, as control planes put it; `responseHeaders`: whether it is asked about these, too. */
function onAllRoutes(responseHeaders: 'SEND' | 'SKIP') {
  return (config: Document) => {
    const upgrades = [...HTTP_MANAGER, 'upgrade_configs', 0];
    const door = config.getIn([...upgrades, 'filters', 0]);
    if (!isMap(door)) throw new Error('hold.yaml has no door');
    const mode = { request_header_mode: 'SEND', response_header_mode: responseHeaders, response_trailer_mode: 'SKIP' };
    door.setIn(['typed_config', 'processing_mode'], config.createNode(mode));
    door.setIn(['typed_config', 'allow_mode_override'], true);
    config.deleteIn([...upgrades, 'filters']);
    const filters = config.getIn([...HTTP_MANAGER, 'http_filters']);
    if (isSeq(filters)) filters.items.unshift(door);
  };
}

describe.each(['SKIP', 'SEND'] as const)('with the door on all routes, response headers %s', (responseHeaders) => {
  it('WebSockets are held, and every other request leaves after its headers', async () => {
    await start({ file: 'hold.yaml', mutate: onAllRoutes(responseHeaders) });
    const { opened, refused } = await fleet.open(7);
    expect([opened.length, refused.map(({ status }) => status)]).toEqual([5, [429, 429]]);
    await holds(5);
    for (let i = 0; i < 5; i += 1) {
      const response = await fetch(`http://127.0.0.1:${fleet.envoy.port}/pod1/`);
      expect(await response.text()).toBe('pod1: GET /pod1/\n');
    }
    await holds(5);
    expect((await fleet.gate.metrics('/metrics')).wsgate_ledger_leases).toBe(5);
    await closeAll(opened.slice(0, 2));
    await fleet.settlesAt(3);
    await holds(3);
  });
});

describe('beside ext_authz and the access log', () => {
  it('a WebSocket that opens because the gate was too slow to hold it keeps its slot until the log tells its end', async () => {
    const mutate = (config: Document) => config.setIn([...FILTERS, 1, 'typed_config', 'message_timeout'], '0.001s');
    await start({ file: 'edge-hold.yaml', store: 'redis', mutate }, 50);
    const { opened } = await fleet.open(60);
    expect(opened).toHaveLength(50);
    const late = (await fleet.envoy.stats())['http.edge.ext_proc.message_timeouts'];
    expect(late).toBeGreaterThan(0);
    await fleet.settlesAt(50);
    expect((await fleet.open(3)).refused.map(answer)).toEqual([TOO_MANY, TOO_MANY, TOO_MANY]);
    expect(fleet.pod.connections).toBe(50);
    await closeAll(opened);
    await fleet.settlesAt(0);
  });
});

describe('with the hold door alone', () => {
  it('an upgrade is refused with 503 and told when to come back, while no gate is there', async () => {
    await start({ file: 'hold.yaml' });
    await fleet.endGate('SIGKILL');
    const [refusal] = (await fleet.open(1)).refused;
    expect([refusal?.status, refusal?.headers['retry-after']]).toEqual([503, '5']);
    await fleet.startGate();
    await until('upgrades are let in again', async () => (await fleet.open(1)).opened.length === 1, 10_000);
  });

  it('a denial of the gate stays what it is', async () => {
    await start({ file: 'hold.yaml', config: { pods: { from: [{ header: 'x-pod' }] } } });
    const [unknown] = (await fleet.open(1)).refused;
    expect(unknown && answer(unknown)).toBe('403 application/json undefined {"error":"POD_UNKNOWN"}');
  });
});

/** Into hold.yaml: the pod in metadata of another name, of the route or, by a filter before the door, of each request. */
const elsewhere = {
  'of the route': (config: Document) => {
    const routes = [...HTTP_MANAGER, 'route_config', 'virtual_hosts', 0, 'routes'];
    config.setIn([...routes, 0, 'metadata', 'filter_metadata'], config.createNode({ shop: { shard: 'pod1' } }));
    const shown = [
      'xds.node.id',
      'request.time',
      'source.address',
      "xds.route_metadata.filter_metadata['shop']['shard']",
    ];
    config.setIn([...FILTERS, 0, 'typed_config', 'request_attributes'], config.createNode(shown));
  },
  'of the request': (config: Document) => {
    const rule = { header: 'x-shard', on_header_present: { metadata_namespace: 'shop', key: 'shard', type: 'STRING' } };
    const type = 'type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config';
    const filter = { name: 'shard', typed_config: { '@type': type, request_rules: [rule] } };
    const forwarded = [...FILTERS, 0, 'typed_config', 'metadata_options', 'forwarding_namespaces', 'untyped'];
    config.setIn(forwarded, config.createNode(['shop']));
    const filters = config.getIn(FILTERS);
    if (isSeq(filters)) filters.items.unshift(config.createNode(filter));
  },
} as const;

describe('pods.from, at the hold door,', () => {
  it.each(Object.entries(elsewhere))('reads the metadata %s, of any name', async (_, mutate) => {
    const config = { pods: { from: [{ metadata: { namespace: 'shop', key: 'shard' } }] } };
    await start({ file: 'hold.yaml', mutate, config }, 2);
    const { opened, refused } = await fleet.open(3, '/pod1/', 0, { headers: { 'x-shard': 'pod1' } });
    expect([opened.length, refused.map(answer)]).toEqual([2, [TOO_MANY]]);
    await fleet.settlesAt(2);
    await closeAll(opened);
    await fleet.settlesAt(0);
  });

  it('finds no context extension, and the log says why', async () => {
    await start({ file: 'hold.yaml', config: { pods: { from: ['context'] } } });
    const [unknown] = (await fleet.open(1)).refused;
    expect(unknown && answer(unknown)).toBe('403 application/json undefined {"error":"POD_UNKNOWN"}');
    const told = 'context_extensions.pod (ext_authz only; at the hold door, pods.from: [{metadata: …}]): nothing';
    const denied = () => fleet.gate.logs().find(({ reason }) => reason === 'POD_UNKNOWN');
    await until('the log says so', () => JSON.stringify(denied() ?? {}).includes(told));
  });
});

const UPGRADE = {
  connection: 'upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

function answer({ status, headers, body }: { status: number; headers: Record<string, unknown>; body: string }): string {
  return `${status} ${headers['content-type']} ${headers['retry-after']} ${body}`;
}
