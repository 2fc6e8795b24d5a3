/** A gate that comes back under live connections, and upgrades that take long, on a real Envoy. */

import { afterEach, describe, expect, it } from 'vitest';
import { Fleet, stores } from '../../lab/fleet/fleet.ts';
import { until } from '../../lab/fleet/processes.ts';

const FLUSH_MS = 1000;

let fleet: Fleet;
afterEach(() => fleet.stop());

describe.each(stores)('on the %s store', (store) => {
  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'the count of 100 live connections is right within a flush interval of a restart by %s',
    async (signal) => {
      fleet = await Fleet.start({ store, flushIntervalMs: FLUSH_MS });
      const { opened } = await fleet.open(100);
      await fleet.settlesAt(100);
      await fleet.restartGate(signal);
      // What Envoy says within the interval is written within a second.
      await fleet.settlesAt(100, FLUSH_MS + 1000);
      expect((await fleet.open(1)).refused.map(({ status }) => status)).toEqual([429]);
      for (const client of opened) expect(client.readyState).toBe(client.OPEN);
      for (const client of opened.slice(0, 30)) client.close();
      await fleet.settlesAt(70);
    },
  );
});

it('an embedded store that starts anew admits nobody in the place of a connection of which Envoy has still to speak', async () => {
  const recoveryMs = FLUSH_MS + 3000; // a second would do, but for a machine that is busy with other tests
  fleet = await Fleet.start({
    store: 'embedded',
    flushIntervalMs: FLUSH_MS,
    config: { limits: { default: { connections: 10 } }, lease: { recovery: `${recoveryMs}ms` } },
  });
  const recovered = async () => (await fleet.gate.metrics('/metrics')).wsgate_store_recovering === 0;
  await until('the new store is trusted', recovered);
  await fleet.open(10);
  await fleet.restartGate('SIGKILL');
  const outcomes: string[] = [];
  const ask = async () => {
    const { opened, refused } = await fleet.open(1);
    outcomes.push(...opened.map(() => 'opened'), ...refused.map(({ body }) => JSON.parse(body).error));
    return outcomes.at(-1) === 'LIMIT_EXCEEDED';
  };
  await until('the store is asked', ask);
  expect(new Set(outcomes)).toEqual(new Set(['STORE_RECOVERING', 'LIMIT_EXCEEDED']));
});

it('a slot is held for as long as the pod takes to answer the upgrade', async () => {
  const lease = { reserve: '2s', ttl: '2s', grace: '60s' };
  fleet = await Fleet.start({ store: 'embedded', flushIntervalMs: 1000, config: { lease } });
  await fleet.open(1); // so that the proxy is heard, and the reaper has its evidence
  const slow = fleet.open(1, '/pod1/?delay=7000');
  await fleet.settlesAt(2);
  let least = 2;
  const watching = setInterval(async () => {
    least = Math.min(least, await fleet.connections());
  }, 100);
  expect((await slow).opened).toHaveLength(1);
  clearInterval(watching);
  expect(least).toBe(2);
});
