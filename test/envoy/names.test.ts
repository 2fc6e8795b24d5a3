/** The names that requests get, on a real Envoy: one pod has one, however a client spells it. */

import { afterEach, expect, it } from 'vitest';
import { Fleet } from '../../lab/fleet/fleet.ts';

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
