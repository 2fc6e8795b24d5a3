/** A pod with 500 live WebSockets through two real Envoys is drained, 100 a second. */

import { setTimeout } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { Fleet } from '../../../lab/fleet/fleet.ts';
import { machineNow } from '../../../lab/fleet/machine-time.ts';
import { until } from '../../../lab/fleet/processes.ts';
import { Api } from '../../../src/client/api.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

const api = (gate = fleet.gate) => new Api({ url: `http://127.0.0.1:${gate.httpPort}` });
const drainOf = async (gate = fleet.gate) =>
  (await api(gate).pod('pod1')).overrides?.find(({ kind }) => kind === 'cordon')?.drain;
const drained = async (gate = fleet.gate) =>
  (await api(gate).audit(100)).entries.filter(({ action }) => action === 'pod.drained');

/** Each Envoy holds its streams with a gate of its own. */
async function start(gates: number): Promise<void> {
  fleet = await Fleet.start({
    file: 'hold.yaml',
    store: 'redis',
    gates,
    ownGates: true,
    proxies: ['proxy_a', 'proxy_b'],
    pods: ['pod1', 'pod2'],
    config: { limits: { default: { connections: 1000 } } },
  });
  for (const proxy of [0, 1]) {
    expect((await fleet.open(250, '/pod1/', proxy)).opened).toHaveLength(250);
    expect((await fleet.open(50, '/pod2/', proxy)).opened).toHaveLength(50);
  }
  await fleet.settlesAt(500);
  await fleet.settlesAt(100, 1000, 'pod2');
  await setTimeout(1500); // the store is told once a second which are held
}

it('all are closed within 7 s at their pace, none elsewhere, no new one gets in, and it is told once', async () => {
  await start(2);
  const startedAt = machineNow();
  await api().drain('pod1', { rate: 100 });
  const { refused } = await fleet.open(3, '/pod1/', 1);
  expect(refused.map(({ status }) => status)).toEqual([429, 429, 429]);
  await setTimeout(2000);
  const after2s = fleet.pod.connections;
  expect(after2s).toBeGreaterThan(200);
  expect(after2s).toBeLessThan(400);
  await until('all are closed', async () => fleet.pod.connections === 0, 10_000);
  expect(machineNow() - startedAt).toBeLessThan(7000);
  await until('it is done', async () => (await drainOf())?.done !== null, 10_000);
  expect(await drainOf()).toMatchObject({ rate: 100, asked: 500, left: 0 });
  expect(await drained()).toMatchObject([{ pod: 'pod1', asked: 500, left: 0 }]);
  expect(fleet.podAt(1).connections).toBe(100);
  await fleet.settlesAt(100, 1000, 'pod2');
  await api().uncordon('pod1');
  expect((await fleet.open(3, '/pod1/')).opened).toHaveLength(3);
}, 60_000);

it('a gate that is killed in the middle: another goes on, and says how many nobody can close', async () => {
  await start(3); // nobody holds streams at the third
  const asked = fleet.gateAt(2);
  await api(asked).drain('pod1', { rate: 50 });
  await until('some are closed', async () => fleet.pod.connections < 450, 10_000);
  asked.kill('SIGKILL');
  await asked.ended;
  await until('all are closed', async () => fleet.pod.connections === 0, 25_000);
  await until('it is done', async () => (await drainOf())?.done !== null, 10_000);
  expect(await drained()).toMatchObject([{ left: 0 }]);
  expect(fleet.podAt(1).connections).toBe(100);

  await api().uncordon('pod1');
  for (const proxy of [0, 1]) await fleet.open(10, '/pod1/', proxy);
  await fleet.settlesAt(20);
  await setTimeout(1500);
  await fleet.endGate('SIGKILL', 1); // it held ten of them
  await api().drain('pod1');
  await until('it is done again', async () => (await drainOf())?.done !== null, 20_000);
  expect(await drainOf()).toMatchObject({ left: 10 });
  expect(fleet.pod.connections).toBe(10);
}, 120_000);
