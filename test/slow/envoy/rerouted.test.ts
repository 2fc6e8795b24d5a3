/** A filter changes the path, and Envoy chooses the route once more, on a real Envoy. */

import { afterEach, expect, it } from 'vitest';
import type { Document, YAMLSeq } from 'yaml';
import { closeAll } from '../../../lab/fleet/clients.ts';
import { FILTERS } from '../../../lab/fleet/edge.ts';
import { Fleet, type FleetOptions } from '../../../lab/fleet/fleet.ts';
import { until } from '../../../lab/fleet/processes.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

const CHANGE_PATH = `
function envoy_on_request(handle)
  local path = handle:headers():get(":path")
  handle:headers():replace(":path", (path:gsub("^/pod1/", "/pod2/")))
  handle:clearRouteCache()
end`;

/** The filter that makes of /pod1 /pod2 stands at this place of the chain. */
async function start(place: number, options: Partial<FleetOptions> = {}): Promise<void> {
  const filter = {
    name: 'change_path',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua',
      default_source_code: { inline_string: CHANGE_PATH },
    },
  };
  fleet = await Fleet.start({
    pods: ['pod1', 'pod2'],
    config: { limits: { default: { connections: 5 } } },
    flushIntervalMs: 500,
    mutate: (config: Document) => {
      (config.getIn(FILTERS) as YAMLSeq).items.splice(place, 0, config.createNode(filter));
    },
    ...options,
  });
}

const errors = (gate = fleet.gate) => gate.logs().filter(({ level }) => level === 50);
const counts = async () => [await fleet.connections('pod1'), await fleet.connections('pod2')];

/** Until the log has told of that many connections, open still, from now on. */
async function told(count: number): Promise<void> {
  const KIND = 'wsgate_access_log_entries_total{kind="seen"}';
  const entries = async () => {
    const all = await Promise.all(fleet.gates.map((gate) => gate.metrics('/metrics')));
    return all.reduce((sum, metrics) => sum + (metrics[KIND] ?? 0), 0);
  };
  const before = await entries();
  await until(`${count} entries of the log`, async () => (await entries()) >= before + count, 10_000);
}

it('behind the gate: a connection counts at the pod where it is, even over the limit, and only there', async () => {
  await start(1);
  const first = await fleet.open(3);
  await fleet.settlesAt(3, 2000, 'pod2');
  await fleet.settlesAt(0, 1000, 'pod1');
  const { opened } = await fleet.open(5);
  expect(opened).toHaveLength(5);
  await fleet.settlesAt(8, 2000, 'pod2');
  await fleet.settlesAt(0, 1000, 'pod1');
  expect(fleet.pods.map(({ connections }) => connections)).toEqual([0, 8]);
  expect((await fleet.open(3, '/pod2/')).opened).toEqual([]);
  const metrics = await fleet.gate.metrics('/metrics');
  expect(metrics['wsgate_releases_total{cause="moved"}']).toBe(8);
  expect(metrics.wsgate_leases_adopted_over_limit_total).toBe(3);
  expect(errors()).toMatchObject([
    { who: 'proxy_a', from: 'pod1', pod: 'pod2', msg: expect.stringContaining('before that of the gate') },
  ]);
  await told(24);
  expect(await counts()).toEqual([0, 8]);
  await closeAll(first.opened);
  await fleet.settlesAt(5, 1000, 'pod2');
  await closeAll(opened);
  await fleet.settlesAt(0, 1000, 'pod2');
  expect(await fleet.connections('pod1')).toBe(0);
});

it('before the gate, as the gate says, the limit of the pod holds where it is', async () => {
  await start(0);
  expect((await fleet.open(8)).opened).toHaveLength(5);
  await fleet.settlesAt(5, 1000, 'pod2');
  expect(errors()).toEqual([]);
});

it.each([
  ['between the filters of the gate', 1],
  ['behind both filters of the gate', 2],
])('%s, the log and the stream that is held agree, also at different gates', async (_where, place) => {
  const config = { limits: { default: { connections: 5 } }, lease: { ttl: '4s' }, store: { deadline: '1s' } };
  await start(place, { file: 'edge-hold.yaml', store: 'redis', gates: 2, workers: 4, config });
  const { opened } = await fleet.open(5);
  expect(opened).toHaveLength(5);
  await fleet.settlesAt(5, 2000, 'pod2');
  await fleet.settlesAt(0, 1000, 'pod1');
  await told(20);
  expect(await counts()).toEqual([0, 5]);
  await closeAll(opened);
  await fleet.settlesAt(0, 1000, 'pod2');
  expect(await fleet.connections('pod1')).toBe(0);
});
