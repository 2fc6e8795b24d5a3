/** What takes its time of the hold door, on a real Envoy. */

import { afterEach, describe, expect, it } from 'vitest';
import { Fleet, type FleetOptions, stores } from '../../../lab/fleet/fleet.ts';
import { machineNow } from '../../../lab/fleet/machine-time.ts';
import { until } from '../../../lab/fleet/processes.ts';
import { passed } from '../../../lab/fleet/watch.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

async function start(options: FleetOptions, limit = 5): Promise<void> {
  fleet = await Fleet.start({ ...options, config: { limits: { default: { connections: limit } }, ...options.config } });
}

async function close(lease: string, gate = fleet.gate): Promise<unknown> {
  const url = `http://127.0.0.1:${gate.httpPort}/v1/pods/pod1/connections/${encodeURIComponent(lease)}/close`;
  return (await fetch(url, { method: 'POST' })).json();
}

describe.each(stores)('on the %s store', (store) => {
  it.each(['hold.yaml', 'edge-hold.yaml'] as const)(
    'a thousand connections of envoy/%s are closed at 200 a second, each within 1.5 s of its turn, and no other',
    async (file) => {
      const gates = store === 'redis' ? 2 : 1;
      await start({ file, store, gates }, 2000);
      const { opened } = await fleet.open(1200);
      let closed = 0;
      for (const client of opened)
        client.once('close', () => {
          closed += 1;
        });
      await fleet.settlesAt(1200);
      const leases = (await fleet.holders()).map(({ lease }) => lease).slice(0, 1000);
      const took: number[] = [];
      const beganMs = machineNow();
      const closings = leases.map(async (lease, i) => {
        await new Promise((resolve) => setTimeout(resolve, i * 5));
        const askedMs = machineNow();
        expect(await close(lease, fleet.gateAt(i % gates))).toEqual({ closed: true });
        took.push(machineNow() - askedMs);
      });
      await Promise.all(closings);
      expect(machineNow() - beganMs).toBeLessThan(10_000);
      expect(Math.max(...took)).toBeLessThan(1500);
      await fleet.settlesAt(200);
      expect(fleet.pod.connections).toBe(200);
      await until('the clients know', () => closed === 1000, 1500);
      expect((await fleet.holders()).filter(({ lease }) => leases.includes(lease))).toEqual([]);
      fleet.pod.closeAll();
      await fleet.settlesAt(0);
    },
  );
});

it('a lease is renewed for as long as its stream is open, and stays when nobody can speak of it any more', async () => {
  await start({ file: 'hold.yaml', store: 'redis', config: { lease: { ttl: '5s', grace: '6s', recovery: '0s' } } });
  await fleet.open(3);
  const expiries = async () =>
    (await fleet.redis?.client.zrange('ws:pod_conn:pod1', '0', '-1', 'WITHSCORES'))?.filter((_, i) => i % 2 === 1);
  const first = await expiries();
  await until(
    'all are renewed',
    async () => (await expiries())?.every((at, i) => Number(at) > Number(first?.[i])) === true,
  );
  await fleet.restartGate('SIGKILL');
  const lastMs = Math.max(...((await expiries()) ?? []).map(Number));
  await until('grace and ttl are over', async () => Date.now() > lastMs + 12_000, 30_000);
  expect(await fleet.connections()).toBe(3);
  const { 'wsgate_proxy_leases{proxy_id="proxy_a",kept="unrenewed"}': unrenewed } =
    await fleet.gate.metrics('/metrics');
  expect(unrenewed).toBe(3);
  const warned = fleet.gate.logs().filter(({ msg }) => String(msg).includes('lease.unrenewedMax'));
  expect(warned).toMatchObject([{ level: 40, proxy: 'proxy_a', count: 3 }]);
});

it('an Envoy with the hold door alone is not told to send an access log, even if all its upgrades are denied', async () => {
  await start({ file: 'hold.yaml', proxies: ['proxy_a', 'proxy_b'] }, 1);
  await fleet.open(1, '/pod1/', 0);
  expect((await fleet.open(1, '/pod1/', 1)).refused).toHaveLength(1);
  await passed(30_000);
  const errors = fleet.gate.lines().filter((line) => line.includes('"level":50'));
  expect(errors).toEqual([]);
});
