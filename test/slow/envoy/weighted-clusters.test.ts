/** One route to several clusters, on a real Envoy: as docs/envoy-configuration.md has it, and with one pod's name for all. */

import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { type Document, parse, type YAMLSeq } from 'yaml';
import { closeAll } from '../../../lab/fleet/clients.ts';
import { ROUTES } from '../../../lab/fleet/edge.ts';
import { Fleet } from '../../../lab/fleet/fleet.ts';

const PAGE = readFileSync(new URL('../../../docs/envoy-configuration.md', import.meta.url), 'utf8');
const [, ROUTE = ''] = /^## Weighted clusters\n[^#]*?```yaml\n(.*?)```/ms.exec(PAGE) ?? [];

let fleet: Fleet;
afterEach(() => fleet.stop());

async function start(
  change: (route: { metadata?: object; route: { weighted_clusters: object } }) => void,
  limit = 100,
) {
  const [route] = parse(ROUTE);
  change(route);
  fleet = await Fleet.start({
    pods: ['pod1', 'pod2'],
    config: { limits: { default: { connections: limit } } },
    mutate: (config: Document) => {
      (config.getIn(ROUTES) as YAMLSeq).items.unshift(config.createNode(route));
    },
  });
}

const errors = () => fleet.gate.logs().filter(({ level }) => level === 50);
const counts = async () => [await fleet.connections('pod1'), await fleet.connections('pod2')];
const open = () => fleet.pods.map(({ connections }) => connections);

it('with a pod at each cluster, as the documentation has it, each count is exact', async () => {
  await start(() => {});
  const { opened } = await fleet.open(40, '/chat/');
  expect(opened).toHaveLength(40);
  expect(Math.min(...open())).toBeGreaterThan(0);
  await expect.poll(counts).toEqual(open());
  expect(errors()).toEqual([]);
  await closeAll(opened);
  await expect.poll(counts).toEqual([0, 0]);
});

it('with a pod at each cluster, the limit of each holds', async () => {
  await start(() => {}, 3);
  await fleet.open(60, '/chat/');
  expect(open()).toEqual([3, 3]);
});

it('with one pod for the route, the gate names the Envoy, once', async () => {
  await start((route) => {
    route.metadata = { filter_metadata: { wsgate: { pod: 'pod1' } } };
  });
  for (let i = 0; i < 4; i += 1) await fleet.open(10, '/chat/');
  await fleet.settlesAt(40);
  await expect
    .poll(errors)
    .toMatchObject([
      { who: 'proxy_a', pod: 'pod1', clusters: expect.arrayContaining(['pod1', 'pod2']), path: '/chat/' },
    ]);
});
