/** What it costs that the gate chooses the pod: Checks for a service, and as many for as many pods that the route names. */

import { type Benchmark, inRounds, ROUNDS, type Trial } from './benchmark.ts';
import { type Figure, growth, valuesOf } from './figure.ts';
import { placeNewLeases, takeNewLeases } from './new-leases.ts';
import type { Cost, GateServer } from './stand.ts';

const STORES = ['embedded', 'redis'] as const;
const PODS = { full: [10, 1_000, 10_000], short: [1_000] };
const CHECKS = { full: 5_000, short: 3_000 };
const SERVICE = 'chat';

interface Way {
  readonly title: string;
  readonly take: (count: number) => Promise<Cost>;
}

export const place: Benchmark = {
  name: 'place',
  what: 'Checks for which the gate chooses one of ever more pods',
  inShort: true,
  async run(trial) {
    const sizes = PODS[trial.length];
    const ways: Record<string, Way> = {};
    for (const store of STORES) for (const pods of sizes) Object.assign(ways, await waysOf(trial, store, pods));
    const found = await inRounds(ROUNDS[trial.length], ways, ({ title, take }) => {
      trial.say(`${title}: ${CHECKS[trial.length]} Checks`);
      return take(CHECKS[trial.length]);
    });
    return STORES.flatMap((store) => figures(store, sizes, found));
  },
};

async function waysOf({ stand }: Trial, store: Store, pods: number): Promise<Record<string, Way>> {
  const addresses = Array.from({ length: pods }, (_, i) => `10.0.${i >> 8}.${i & 255}:8080`);
  const onRedis = store === 'redis' ? { redis: await stand.redis() } : {};
  const server: GateServer = await stand.gate({ ...onRedis, services: { [SERVICE]: addresses } });
  const title = `${pods.toLocaleString('en')} pods, ${store}`;
  return {
    [key('chosen', store, pods)]: {
      title: `one of ${title}, chosen`,
      take: (count) => placeNewLeases(server, count, SERVICE, `${SERVICE}/${addresses[0]}`),
    },
    [key('named', store, pods)]: {
      title: `one of ${title}, named`,
      take: (count) => takeNewLeases(server, count, pods),
    },
  };
}

type Store = (typeof STORES)[number];

function key(way: 'chosen' | 'named', store: Store, pods: number): string {
  return `${way} ${store} ${pods}`;
}

function figures(store: Store, sizes: readonly number[], found: Record<string, Cost[]>): Figure[] {
  const costs = (way: 'chosen' | 'named', of: keyof Cost) =>
    sizes.map((pods) => valuesOf(found[key(way, store, pods)], of));
  const each = (title: string, of: keyof Cost, atMost: number) => {
    const named = costs('named', of);
    return costs('chosen', of).map((samples, i): Figure => {
      const name = `Place, ${store}, ${sizes[i]?.toLocaleString('en')} pods: ${title} of a Check`;
      const floor = { name: 'a Check for a named pod', samples: named[i] ?? [] };
      return { name, unit: 'µs', samples, floor, atMost: { ratio: atMost } };
    });
  };
  const grows = (title: string, of: keyof Cost) =>
    growth(`Place, ${store}: growth of ${title} with pods`, sizes, costs('chosen', of), 0.1);
  const ofRedis = "Redis's own CPU";
  return [
    ...each('CPU', 'cpuUs', 1.5),
    ...grows('CPU', 'cpuUs'),
    ...(store === 'redis' ? [...each(ofRedis, 'redisCpuUs', 2), ...grows(ofRedis, 'redisCpuUs')] : []),
  ];
}
