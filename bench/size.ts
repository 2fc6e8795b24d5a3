/** What a live connection weighs in a gate and in Redis; and how soon a gate that was killed is right again. */

import { Heap } from '../lab/fleet/heap.ts';
import { ASKABLE } from '../lab/fleet/inspector.ts';
import type { RedisServer } from '../lab/redis/server.ts';
import type { Benchmark } from './benchmark.ts';
import { Crowd, type Member, members, untilCounted, untilRead } from './crowd.ts';
import { type Figure, growth } from './figure.ts';
import { leaseOf } from './messages.ts';
import { residentBytes } from './process-cost.ts';
import { Stand } from './stand.ts';

const SIZES = { full: [1_000, 10_000, 100_000], short: [10_000] };
const ROUNDS = 2;
/** Few, so that each of their sets is as large as it gets: a Redis packs those of up to 128 more tightly. */
const PODS = 4;
const PROXIES = 4;
/** A gate that has read this much has compiled its code, and has the heap that it needs for nothing in particular. */
const WARM_UP = 2_000;
/** Shorter than Envoy's 15 s, which would only make the wait longer. */
const FLUSH_MS = 2_000;
const MIB = 2 ** 20;

const GATES = ['embedded', 'redis', 'redis without info'] as const;
type Name = (typeof GATES)[number];

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

async function measure(some: readonly Member[]): Promise<Round> {
  return {
    embedded: await onStand((stand) => weigh(stand, 'embedded', some)),
    redis: await onStand((stand) => weigh(stand, 'redis', some)),
    'redis without info': await onStand((stand) => weigh(stand, 'redis without info', some)),
    plainBytes: await onStand((stand) => weighPlain(stand, some)),
    restartS: await onStand((stand) => restart(stand, some)),
  };
}

/** Each measurement begins with nothing. */
async function onStand<T>(act: (stand: Stand) => Promise<T>): Promise<T> {
  const stand = new Stand();
  try {
    return await act(stand);
  } finally {
    await stand.stop();
  }
}

async function weigh(stand: Stand, name: Name, some: readonly Member[]): Promise<Weight> {
  const redis = name === 'embedded' ? undefined : await stand.redis();
  const onRedis = redis ? { redis, info: name === 'redis' } : {};
  const { address, gate, pid } = await stand.gate({ ...onRedis, env: ASKABLE });
  const heap = await Heap.of(gate);
  stand.owns(async () => heap.close());

  const few = members({ connections: WARM_UP, pods: PODS, proxies: PROXIES });
  const first = await Crowd.at(address, few);
  await untilRead(gate, first, () => first.speak());
  await untilCounted(gate, WARM_UP);
  stand.owns(async () => first.close());
  const before = { heap: await heap.used(), resident: residentBytes(pid), redis: await bytesIn(redis) };

  const crowd = await Crowd.at(address, some);
  stand.owns(async () => crowd.close());
  await untilRead(gate, crowd, () => crowd.speak());
  await untilCounted(gate, WARM_UP + some.length);
  const atOnce = residentBytes(pid);
  return {
    heapBytes: ((await heap.used()) - before.heap) / some.length,
    residentMiB: (residentBytes(pid) - before.resident) / MIB,
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

/** Of all its keys, to the byte: what else a Redis needs memory for has nothing to do with connections. */
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
  const { gate, address } = await stand.gate();
  const crowd = await Crowd.at(address, some);
  await untilRead(gate, crowd, () => crowd.speak());
  gate.kill('SIGKILL');
  await gate.ended;
  crowd.close();
  const { gate: next } = await stand.gate({ ports: { grpcPort: gate.grpcPort, httpPort: gate.httpPort } });
  const startedMs = performance.now();
  const back = await Crowd.at(address, some);
  stand.owns(async () => back.close());
  await back.speakAt((some.length * 1000) / FLUSH_MS, FLUSH_MS);
  await untilCounted(next, some.length);
  return (performance.now() - startedMs - FLUSH_MS) / 1000;
}

function figures(sizes: readonly number[], found: readonly Round[][]): Figure[] {
  const largest = found.at(-1) ?? [];
  const count = Math.max(...sizes).toLocaleString('en');
  const total = (pick: (round: Round) => number) =>
    sizes.map((connections, i) => found[i]?.map((round) => pick(round) * connections) ?? []);
  const plain = { name: 'a bare sorted set', samples: largest.map(({ plainBytes }) => plainBytes) };
  return [
    ...(['embedded', 'redis'] as const).flatMap((name): Figure[] => [
      {
        name: `Size, ${name}: RSS of the gate for ${count} connections, garbage taken out`,
        unit: 'MiB',
        samples: largest.map((round) => round[name].residentMiB),
        atMost: { value: (60 * 10 ** 6) / MIB },
      },
      {
        name: `Size, ${name}: RSS of the gate for ${count} connections, right after all have spoken at once`,
        unit: 'MiB',
        samples: largest.map((round) => round[name].atOnceMiB),
      },
      {
        name: `Size, ${name}: heap of the gate for a connection`,
        unit: 'B',
        samples: largest.map((round) => round[name].heapBytes),
      },
      ...growth(
        `Size, ${name}: growth of the heap with connections`,
        sizes,
        total((round) => round[name].heapBytes),
        1.05,
      ),
    ]),
    ...(
      [
        ['redis', 300],
        ['redis without info', 130],
      ] as const
    ).flatMap(([name, bytes]): Figure[] => [
      {
        name: `Size, ${name}: bytes in Redis for a connection`,
        unit: 'B',
        samples: largest.map((round) => round[name].redisBytes),
        floor: plain,
        atMost: { value: bytes },
      },
      ...growth(
        `Size, ${name}: growth of Redis with connections`,
        sizes,
        total((round) => round[name].redisBytes),
        1.05,
      ),
    ]),
    {
      name: `Size, embedded: ${count} connections counted again after a restart, beyond a flush interval`,
      unit: 's',
      samples: largest.map(({ restartS }) => restartS),
    },
  ];
}
