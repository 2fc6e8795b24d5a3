/** Whether Checks, and upgrades through Envoy, take longer the more connections there are already. */

import type { Socket } from 'node:net';
import { type Benchmark, inRounds, type Trial } from './benchmark.ts';
import { members } from './crowd.ts';
import { PATH, startEnvoy } from './envoy.ts';
import { type Figure, growth as growthOf, median, valuesOf } from './figure.ts';
import { closedLoop, openLoop } from './load.ts';
import { takeNewLeases } from './new-leases.ts';
import type { Cost, Server } from './stand.ts';
import { upgrade, upgradeOnce } from './upgrades.ts';

const STORES = ['embedded', 'redis'] as const;
/** Leases of one pod. */
const LEASES = [100, 3_000, 100_000];
const CHECKS = 3_000;
/** WebSockets through one Envoy, which needs two file descriptors for each. */
const SOCKETS = [100, 900, 8_100];
const UPGRADES_PER_SECOND = 200;
const PACED_MS = 2_000;
const OPENING_AT_ONCE = 32;
const ROUNDS = 3;

export const growth: Benchmark = {
  name: 'growth',
  what: 'Checks for a pod with ever more leases, upgrades through an Envoy with ever more WebSockets',
  inShort: false,
  run: async (trial) => [...(await checks(trial)), ...(await upgrades(trial))],
};

async function checks({ stand, say }: Trial): Promise<Figure[]> {
  const all = members({ connections: Math.max(...LEASES), pods: 1, proxies: 4 });
  const servers: Record<string, Server> = {};
  for (const store of STORES) {
    for (const leases of LEASES) {
      say(`${store}: giving a pod ${leases.toLocaleString('en')} leases`);
      const onRedis = store === 'redis' ? { redis: await stand.redis() } : {};
      const server = await stand.gate({ ...onRedis, isLasting: true });
      await stand.crowd(server, all.slice(0, leases));
      servers[`${store} ${leases}`] = server;
    }
  }
  const found = await inRounds(ROUNDS, servers, async (server, name) => {
    say(`${name}: ${CHECKS} Checks`);
    return takeNewLeases(server, CHECKS, 1);
  });
  const costs = (store: string, key: keyof Cost) => LEASES.map((leases) => valuesOf(found[`${store} ${leases}`], key));
  const grows = (title: string, store: string, key: keyof Cost) =>
    growthOf(`Check, ${store}: growth of ${title} with the pod's leases`, LEASES, costs(store, key), 0.05);
  return [
    ...STORES.flatMap((store) =>
      costs(store, 'cpuUs').map((samples, i): Figure => {
        const name = `Check for a pod with ${LEASES[i]?.toLocaleString('en')} leases, ${store}: CPU`;
        return { name, unit: 'µs', samples };
      }),
    ),
    ...STORES.flatMap((store) => grows('CPU', store, 'cpuUs')),
    ...grows("Redis's own CPU", 'redis', 'redisCpuUs'),
  ];
}

async function upgrades({ stand, say }: Trial): Promise<Figure[]> {
  const pod = await stand.program('raw-pod');
  const ports: Record<string, number> = {};
  for (const sockets of SOCKETS) {
    say(`opening ${sockets.toLocaleString('en')} WebSockets through an Envoy`);
    const port = await startEnvoy(stand, pod, await stand.gate({ redis: await stand.redis() }));
    const open: Socket[] = [];
    stand.owns(() => open.forEach((socket) => void socket.destroy()));
    const paths = Array<string>(sockets).fill(PATH);
    await closedLoop(paths, OPENING_AT_ONCE, async (path) => open.push(await upgrade(port, path)));
    ports[sockets] = port;
  }
  const found = await inRounds(ROUNDS, ports, async (port, name) => {
    say(`${name} WebSockets are open, and ${UPGRADES_PER_SECOND} more a second come and go`);
    return median(await openLoop(UPGRADES_PER_SECOND, PACED_MS, () => upgradeOnce(port, PATH)));
  });
  const p50sMs = SOCKETS.map((sockets) => found[sockets] ?? []);
  return [
    ...p50sMs.map((samples, i): Figure => {
      const name = `Through Envoy with ${SOCKETS[i]?.toLocaleString('en')} WebSockets open, redis: p50`;
      return { name, unit: 'ms', samples };
    }),
    ...growthOf('Through Envoy, redis: growth of the p50 with open WebSockets', SOCKETS, p50sMs, 0.1),
  ];
}
