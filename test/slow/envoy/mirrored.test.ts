/** A route that mirrors its requests, on a real Envoy: docs/envoy-configuration.md says what becomes of upgrades. */

import { afterEach, expect, it } from 'vitest';
import type { Document, YAMLSeq } from 'yaml';
import { closeAll } from '../../../lab/fleet/clients.ts';
import { ROUTES } from '../../../lab/fleet/edge.ts';
import { Fleet } from '../../../lab/fleet/fleet.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

const route = { path_separated_prefix: '/pod1' };
const upgrades = [{ name: 'upgrade', string_match: { exact: 'websocket', ignore_case: true } }];
const metadata = { filter_metadata: { wsgate: { pod: 'pod1' } } };
const mirrored = { cluster: 'pod1', timeout: '0s', request_mirror_policies: [{ cluster: 'shadow' }] };

async function start(...routes: object[]): Promise<void> {
  const mutate = (config: Document) => {
    (config.getIn(ROUTES) as YAMLSeq).items.unshift(...routes.map((each) => config.createNode(each)));
  };
  fleet = await Fleet.start({ pods: ['pod1', 'shadow'], mutate });
}
const shadow = () => fleet.podAt(1);

it('mirrors upgrades, too: WebSockets at the shadow that nobody counts', async () => {
  await start({ match: route, metadata, route: mirrored });
  const { opened } = await fleet.open(5);
  expect(opened).toHaveLength(5);
  await fleet.settlesAt(5);
  await expect.poll(() => shadow().connections).toBe(5);
  expect(await fleet.connections('shadow')).toBe(0);
  await closeAll(opened);
  await expect.poll(() => shadow().connections).toBe(0);
});

it('leaves upgrades alone that have a route of their own', async () => {
  const own = { match: { ...route, headers: upgrades }, metadata, route: { cluster: 'pod1', timeout: '0s' } };
  await start(own, { match: route, metadata, route: mirrored });
  expect((await fleet.open(5)).opened).toHaveLength(5);
  await fleet.settlesAt(5);
  expect(shadow().upgrades()).toEqual([]);
});
