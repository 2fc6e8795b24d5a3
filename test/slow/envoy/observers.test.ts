/**
 * Gates that were away for longer than `lease.grace`: what they did not hear is no sign that a connection has ended. On
 * real Envoys, with somebody who tries to get in all the time.
 */

import { afterEach, describe, expect, it } from 'vitest';
import { Fleet, type FleetOptions } from '../../../lab/fleet/fleet.ts';
import { until } from '../../../lab/fleet/processes.ts';
import { passed, rush, watch } from '../../../lab/fleet/watch.ts';

const LIMIT = 20;
const FLUSH_MS = 500;
const TTL_MS = 4 * FLUSH_MS;
const GRACE_MS = 3_000;
/** A gate writes what it hears within a second. */
const SETTLED_MS = FLUSH_MS + 1_000;

let fleet: Fleet;
afterEach(() => fleet.stop());

function start(options: Omit<FleetOptions, 'store'>): Promise<Fleet> {
  return Fleet.start({
    store: 'redis',
    flushIntervalMs: FLUSH_MS,
    ...options,
    config: {
      lease: { ttl: `${TTL_MS}ms`, grace: `${GRACE_MS}ms`, recovery: `${2 * FLUSH_MS}ms` },
      store: { deadline: '500ms' },
      limits: { default: { connections: LIMIT } },
      ...options.config,
    },
  });
}

describe('when all gates are gone for longer than the grace while Redis is there', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'the one that starts after a %s frees no slot of a living connection, and lets nobody in beyond the limit',
    async (signal) => {
      fleet = await start({ proxies: ['proxy_a', 'proxy_b'] });
      await fleet.fill(LIMIT);
      const counts = watch(() => fleet.leases());
      const crowd = rush(fleet, '/pod1/', [0, 1]);
      await fleet.endGate(signal);
      await passed(GRACE_MS + 1_000);
      await fleet.startGate();
      await passed(SETTLED_MS + 1_000);
      await crowd.stop();
      const found = { over: fleet.pod.connections - LIMIT, ...(await counts.stop()) };
      expect(found).toEqual({ over: 0, least: LIMIT, most: LIMIT });
    },
  );
});

it('two gates that could not reach Redis for longer than the grace free no slot of a living connection, and let nobody in beyond the limit', async () => {
  const deny = { outage: { policy: 'deny' } };
  fleet = await start({ proxies: ['proxy_a', 'proxy_b'], gates: 2, ownGates: true, redisWires: true, config: deny });
  await fleet.fill(LIMIT);
  await until('the store knows both proxies', async () => (await fleet.redis?.client.zcard('ws:proxies')) === 2);
  const counts = watch(() => fleet.leases());
  const crowd = rush(fleet, '/pod1/', [0, 1]);
  for (const wire of fleet.redisWires) wire.cut();
  await passed(GRACE_MS + 2_000);
  const [first, second] = fleet.redisWires;
  first?.heal();
  await until('the first gate has found Redis again', isBack);
  await passed(3_000);
  second?.heal();
  await passed(SETTLED_MS);
  await crowd.stop();
  const found = { over: fleet.pod.connections - LIMIT, ...(await counts.stop()) };
  expect(found).toEqual({ over: 0, least: LIMIT, most: LIMIT });
});

async function isBack(): Promise<boolean> {
  return (await fleet.gate.metrics('/metrics')).wsgate_store_up === 1;
}
