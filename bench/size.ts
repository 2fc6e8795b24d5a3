/** How much memory a live connection takes in a gate and in Redis; how soon the count is right after a gate was killed. */

import { Heap } from '../lab/fleet/heap.ts';
import { ASKABLE } from '../lab/fleet/inspector.ts';
import type { RedisServer } from '../lab/redis/server.ts';
import type { Benchmark } from './benchmark.ts';
import { Crowd, type Member, members, untilCounted } from './crowd.ts';
import { type Figure, growth, valuesOf } from './figure.ts';
import { leaseOf } from './messages.ts';
import { residentBytes } from './process-cost.ts';
import { Stand } from './stand.ts';

const SIZES = { full: [1_000, 10_000, 100_000], short: [10_000] };
const ROUNDS = 2;
/** Few, so that their sets are large: Redis packs sets of up to 128 members more tightly. */
const PODS = 4;
const PROXIES = 4;
/** A gate that has read this many entries has compiled its code, and has the heap that it needs in any case. */
const WARM_UP = 2_000;
/** Shorter than Envoy's 15 s, which would only make the wait longer. */
const FLUSH_MS = 2_000;
const MIB = 2 ** 20;

type Name = 'embedded' | 'redis' | 'redis without info';

interface Weight {
  /** Garbage taken out. */
  readonly residentMiB: number;
  /** Right after all have been read, with the garbage of that. */
  readonly atOnceMiB: number;
  readonly heapBytes: number;
  readonly redisBytes: number;
}

type Round = Record<Name, Weight> & { readonly plainBytes: number; readonly restartS: number };

export const size: Benchmark = {
  name: 'size',
  what: 'bytes of a live connection, and the time until a gate that was killed knows all of them again',
  inShort: true,
  async run({ length, say }) {
    const sizes = SIZES[length];
    const all = members({ connections: Math.max(...sizes), pods: PODS, proxies: PROXIES });
    const found: Round[][] = sizes.map(() => []);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [i, connections] of sizes.entries()) {
        say(`${connections.toLocaleString('en')} connections`);
        found[i]?.push(await measure(all.slice(0, connections)));
      }
    }
    return figures(sizes, found);
  },
};

/** Each measurement has processes of its own. */
async function measure(some: readonly Member[]): Promise<Round> {
  return {
    embedded: await Stand.during((stand) => weigh(stand, 'embedded', some)),
    redis: await Stand.during((stand) => weigh(stand, 'redis', some)),
    'redis without info': await Stand.during((stand) => weigh(stand, 'redis without info', some)),
    plainBytes: await Stand.during((stand) => weighPlain(stand, some)),
    restartS: await Stand.during((stand) => restart(stand, some)),
  };
}

async function weigh(stand: Stand, name: Name, some: readonly Member[]): Promise<Weight> {
  const redis = name === 'embedded' ? undefined : await stand.redis();
  const onRedis = redis ? { redis, info: name === 'redis' } : {};
  const server = await stand.gate({ ...onRedis, env: ASKABLE });
  const heap = await Heap.of(server.gate);
  stand.owns(() => heap.close());
  await stand.crowd(server, members({ connections: WARM_UP, pods: PODS, proxies: PROXIES }));
  const before = { heap: await heap.used(), resident: residentBytes(server.pid), redis: await bytesIn(redis) };
  await stand.crowd(server, some, WARM_UP + some.length);
  const atOnce = residentBytes(server.pid);
  return {
    heapBytes: ((await heap.used()) - before.heap) / some.length,
    residentMiB: (residentBytes(server.pid) - before.resident) / MIB,
    atOnceMiB: (atOnce - before.resident) / MIB,
    redisBytes: ((await bytesIn(redis)) - before.redis) / some.length,
  };
}

/** The least that a Redis needs for sets of these leases. */
async function weighPlain(stand: Stand, some: readonly Member[]): Promise<number> {
  const redis = await stand.redis();
  for (const [pod, members] of Map.groupBy(some, ({ stream }) => stream.pod)) {
    await redis.client.zadd(pod, ...members.flatMap(({ stream }) => [Date.now(), leaseOf(stream)]));
  }
  return (await bytesIn(redis)) / some.length;
}

/** The exact size of all keys. The rest of Redis's memory has nothing to do with connections. */
async function bytesIn(redis: RedisServer | undefined): Promise<number> {
  let bytes = 0;
  for (const key of (await redis?.client.keys('*')) ?? []) {
    bytes += (await redis?.client.memory('USAGE', key, 'SAMPLES', 0)) ?? 0;
  }
  return bytes;
}

/**
 * From the moment that a gate is back that was killed, and had its leases in its own memory, to the first right count.
 * (In Redis the count is right all the time.) Each connection speaks once in a flush interval; what the gate needs is
 * the time beyond it.
 */
async function restart(stand: Stand, some: readonly Member[]): Promise<number> {
  const server = await stand.gate();
  const { gate, address } = server;
  const crowd = await stand.crowd(server, some);
  gate.kill('SIGKILL');
  await gate.ended;
  crowd.close();
  const { gate: next } = await stand.gate({ ports: { grpcPort: gate.grpcPort, httpPort: gate.httpPort } });
  const startedMs = performance.now();
  const back = await Crowd.at(address, some);
  stand.owns(() => back.close());
  await back.speakAt((some.length * 1000) / FLUSH_MS, FLUSH_MS);
  await untilCounted(next, some.length);
  return (performance.now() - startedMs - FLUSH_MS) / 1000;
}

function figures(sizes: readonly number[], found: readonly Round[][]): Figure[] {
  const largest = found.at(-1) ?? [];
  const count = Math.max(...sizes).toLocaleString('en');
  const of = (name: Name, title: string, unit: Figure['unit'], key: keyof Weight): Figure => {
    return { name: `Size, ${name}: ${title}`, unit, samples: largest.map((round) => round[name][key]) };
  };
  const grows = (name: Name, title: string, key: keyof Weight) => {
    const totals = sizes.map((connections, i) => found[i]?.map((round) => round[name][key] * connections) ?? []);
    return growth(`Size, ${name}: growth of ${title} with connections`, sizes, totals, 1.05);
  };
  const resident = `RSS of the gate for ${count} connections`;
  const ofGate = (name: Name): Figure[] => [
    {
      ...of(name, `${resident}, garbage taken out`, 'MiB', 'residentMiB'),
      atMost: { value: (60 * 10 ** 6) / MIB },
    },
    of(name, `${resident}, right after all have spoken at once`, 'MiB', 'atOnceMiB'),
    of(name, 'heap of the gate for a connection', 'B', 'heapBytes'),
    ...grows(name, 'the heap', 'heapBytes'),
  ];
  const ofRedis = (name: Name, bytesMax: number): Figure[] => [
    {
      ...of(name, 'bytes in Redis for a connection', 'B', 'redisBytes'),
      floor: { name: 'a bare sorted set', samples: valuesOf(largest, 'plainBytes') },
      atMost: { value: bytesMax },
    },
    ...grows(name, 'Redis', 'redisBytes'),
  ];
  return [
    ...ofGate('embedded'),
    ...ofGate('redis'),
    ...ofRedis('redis', 300),
    ...ofRedis('redis without info', 130),
    {
      name: `Size, embedded: ${count} connections counted again after a restart, beyond a flush interval`,
      unit: 's',
      samples: valuesOf(largest, 'restartS'),
    },
  ];
}
