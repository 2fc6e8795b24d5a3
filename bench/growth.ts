/** Whether Checks, and upgrades through Envoy, take longer the more connections there are already. */

import type { Socket } from 'node:net';
import type { Benchmark, Trial } from './benchmark.ts';
import { Crowd, members, untilCounted, untilRead } from './crowd.ts';
import { PATH, startEnvoy } from './envoy.ts';
import { type Figure, growth as growthOf } from './figure.ts';
import { closedLoop, openLoop } from './load.ts';
import { takeNewLeases } from './new-leases.ts';
import { inRounds } from './rounds.ts';
import type { Server } from './stand.ts';
import { median } from './statistics.ts';
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
  async run(trial) {
    return [...(await checks(trial)), ...(await upgrades(trial))];
  },
};

async function checks(trial: Trial): Promise<Figure[]> {
  const all = members({ connections: Math.max(...LEASES), pods: 1, proxies: 4 });
  const servers = new Map<string, Server>();
  for (const store of STORES) {
    for (const leases of LEASES) {
      trial.say(`${store}: giving a pod ${leases.toLocaleString('en')} leases`);
      servers.set(`${store} ${leases}`, await holding(trial, store, all.slice(0, leases)));
    }
  }
  const found = await inRounds(ROUNDS, [...servers.keys()], async (name) => {
    trial.say(`${name}: ${CHECKS} Checks`);
    const server = servers.get(name);
    if (server === undefined) throw new Error(`there is no ${name}`);
    return takeNewLeases(server, CHECKS, 1);
  });
  const costs = (store: string, key: 'cpuMs' | 'redisCpuMs') =>
    LEASES.map((leases) => found[`${store} ${leases}`]?.map((cost) => (cost[key] * 1000) / CHECKS) ?? []);
  return [
    ...STORES.flatMap((store) =>
      LEASES.map((leases, i): Figure => {
        const name = `Check for a pod with ${leases.toLocaleString('en')} leases, ${store}: CPU`;
        return { name, unit: 'µs', samples: costs(store, 'cpuMs')[i] ?? [] };
      }),
    ),
    ...STORES.flatMap((store) =>
      growthOf(`Check, ${store}: growth of CPU with the pod's leases`, LEASES, costs(store, 'cpuMs'), 0.05),
    ),
    ...growthOf(
      "Check, redis: growth of Redis's own CPU with the pod's leases",
      LEASES,
      costs('redis', 'redisCpuMs'),
      0.05,
    ),
  ];
}

async function holding({ stand }: Trial, store: string, some: ReturnType<typeof members>): Promise<Server> {
  const server = await stand.gate({
    ...(store === 'redis' ? { redis: await stand.redis() } : {}),
    isLasting: true,
  });
  const crowd = await Crowd.at(server.address, some);
  stand.owns(async () => crowd.close());
  await untilRead(server.gate, crowd, () => crowd.speak());
  await untilCounted(server.gate, some.length);
  return server;
}

async function upgrades(trial: Trial): Promise<Figure[]> {
  const { stand, say } = trial;
  const pod = await stand.program('raw-pod');
  const ports = new Map<string, number>();
  for (const sockets of SOCKETS) {
    say(`opening ${sockets.toLocaleString('en')} WebSockets through an Envoy`);
    const port = await startEnvoy(stand, pod, await stand.gate({ redis: await stand.redis() }));
    const open: Socket[] = [];
    stand.owns(async () => {
      for (const socket of open) socket.destroy();
    });
    const paths = Array.from({ length: sockets }, () => PATH);
    await closedLoop(paths, OPENING_AT_ONCE, async (path) => open.push(await upgrade(port, path)));
    ports.set(String(sockets), port);
  }
  const found = await inRounds(ROUNDS, [...ports.keys()], async (name) => {
    say(`${name} WebSockets are open, and ${UPGRADES_PER_SECOND} more a second come and go`);
    const port = ports.get(name) ?? 0;
    return median(await openLoop(UPGRADES_PER_SECOND, PACED_MS, () => upgradeOnce(port, PATH)));
  });
  const p50sMs = SOCKETS.map((sockets) => found[String(sockets)] ?? []);
  return [
    ...SOCKETS.map((sockets, i): Figure => {
      const name = `Through Envoy with ${sockets.toLocaleString('en')} WebSockets open, redis: p50`;
      return { name, unit: 'ms', samples: p50sMs[i] ?? [] };
    }),
    ...growthOf('Through Envoy, redis: growth of the p50 with open WebSockets', SOCKETS, p50sMs, 0.1),
  ];
}
