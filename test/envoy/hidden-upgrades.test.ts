/** An ext_authz filter that does not show the gate the header by which an upgrade is known, on a real Envoy. */

import { afterEach, expect, it } from 'vitest';
import type { Document } from 'yaml';
import { EXT_AUTHZ } from '../../lab/fleet/edge.ts';
import { Fleet, type FleetOptions } from '../../lab/fleet/fleet.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

/** As Envoy Gateway does it, with `headersToExtAuth: [authorization]`. */
const mutate = (config: Document) => {
  config.setIn([...EXT_AUTHZ, 'allowed_headers'], config.createNode({ patterns: [{ exact: 'authorization' }] }));
};
const start = (proxy: object): Promise<Fleet> => {
  const options: FleetOptions = { mutate, config: { limits: { default: { connections: 2 } }, proxy } };
  return Fleet.start(options);
};
const errors = () => fleet.gate.logs().filter(({ level }) => level === 50);

it('is named with the line to change, once, and its connections are counted', async () => {
  fleet = await start({});
  expect((await fleet.open(5)).opened).toHaveLength(5);
  await fleet.settlesAt(5);
  expect(errors()).toMatchObject([{ who: 'proxy_a', msg: expect.stringContaining('`upgrade` into allowed_headers') }]);
});

it('keeps to the limit when each Check is taken for an upgrade', async () => {
  fleet = await start({ upgradesOnly: true });
  const { opened, refused } = await fleet.open(5);
  expect([opened.length, refused.length]).toEqual([2, 3]);
  await fleet.settlesAt(2);
  expect(errors()).toEqual([]);
});
