/** What the access log costs: every open connection speaks at each flush interval, so this is most of a gate's work. */

import { setTimeout as delay } from 'node:timers/promises';
import type { RedisServer } from '../lab/redis/server.ts';
import type { Benchmark, Trial } from './benchmark.ts';
import { Crowd, type Member, members, proxyName, untilCounted, untilRead } from './crowd.ts';
import { type Figure, growth } from './figure.ts';
import { FULL_POD, FULL_POD_LIMIT, FullPod } from './freed-slot.ts';
import { h2load } from './h2load.ts';
import { checkBytes, newStream } from './messages.ts';
import { inRounds } from './rounds.ts';
import { type Cost, costDuring, type GateServer, type Stand } from './stand.ts';
import { median, percentile } from './statistics.ts';

const STORES = ['embedded', 'redis'] as const;
const SIZES = { full: [1_000, 10_000, 100_000], short: [10_000] };
const ROUNDS = 3;
/** From so many on, entries come as closely one after the other as the Checks do that they are compared with. */
const BUSY = 10_000;
const PODS = 100;
const PROXIES = 4;
/** Once a second at most: twice in one second, and the ledger would write the renewal only once. */
const EVERY_MS = 1_050;
const PER_SECOND_MAX = 10_000;
const STEADY_MS = 2_000;
/** For what a gate and its Redis cost when nobody says anything. */
const IDLE_MS = 2_000;
/** What `envoy/edge.yaml` has, for what is beside the measured delays. */
const FLUSH_S = 15;
const DELAYS_MS = 800;
const CHECKS = 5_000;
/** V8 has compiled what it is going to by then: a gate is up for days. */
const WARM_UP = { ms: 8_000, checks: 10_000 };

interface Scene {
  readonly server: GateServer;
  readonly crowd: Crowd;
  readonly fullPod: FullPod;
  readonly size: number;
  /** A second. */
  readonly idle: Cost;
}

/** Of a round of one scene; what that round did not measure is not there. */
type Sample = Partial<
  Record<'cpuUs' | 'redisCpuUs' | 'checkCpuUs' | 'perSecond' | 'delayP50Ms' | 'delayP99Ms', number>
>;

export const accessLog: Benchmark = {
  name: 'access-log',
  what: 'entries of the access log, and how soon a slot is free after one says that its connection has closed',
  inShort: true,
  async run(trial) {
    const sizes = SIZES[trial.length];
    const scenes = await startScenes(trial, sizes);
    const largest = Math.max(...sizes);
    const found = await inRounds(ROUNDS, Object.keys(scenes), async (name) => {
      trial.say(name);
      const scene = scenes[name];
      if (scene === undefined) throw new Error(`there is no ${name}`);
      return {
        ...(await costs(scene)),
        ...(await delays(scene)),
        ...(scene.size === largest ? await most(scene) : {}),
      };
    });
    return figures(found, sizes);
  },
};

const nameOf = (store: string, size: number) => `${store}, ${size.toLocaleString('en')} live`;

async function startScenes({ stand, say }: Trial, sizes: readonly number[]): Promise<Record<string, Scene>> {
  const all = members({ connections: Math.max(...sizes), pods: PODS, proxies: PROXIES });
  const scenes: Record<string, Scene> = {};
  for (const size of sizes) {
    for (const store of STORES) {
      say(`opening ${nameOf(store, size)}`);
      const redis = store === 'redis' ? await stand.redis() : undefined;
      scenes[nameOf(store, size)] = await startScene(stand, redis, all.slice(0, size));
    }
  }
  return scenes;
}

async function startScene(stand: Stand, redis: RedisServer | undefined, some: readonly Member[]): Promise<Scene> {
  const server = await stand.gate({
    ...(redis ? { redis } : {}),
    limits: { [FULL_POD]: { connections: FULL_POD_LIMIT } },
    isLasting: true,
  });
  const crowd = await Crowd.at(server.address, some);
  stand.owns(async () => crowd.close());
  await untilRead(server.gate, crowd, () => crowd.speak());
  await untilCounted(server.gate, some.length);
  if (some.length >= BUSY) {
    await untilRead(server.gate, crowd, () => crowd.speakAt(PER_SECOND_MAX, WARM_UP.ms));
    await h2load(server.address, checkBytes(newStream('pod0', proxyName(0))), WARM_UP.checks);
  }
  const fullPod = await FullPod.at(server.address, crowd);
  stand.owns(async () => fullPod.close());
  const idle = await costDuring(server, () => delay(IDLE_MS));
  const aSecond = ({ cpuMs, redisCpuMs }: Cost) => ({
    cpuMs: (cpuMs * 1000) / IDLE_MS,
    redisCpuMs: (redisCpuMs * 1000) / IDLE_MS,
  });
  return { server, crowd, fullPod, size: some.length, idle: aSecond(idle) };
}

async function costs({ server, crowd, size, idle }: Scene): Promise<Sample> {
  const perSecond = Math.min(PER_SECOND_MAX, (size * 1000) / EVERY_MS);
  const [saidBefore, startedMs] = [crowd.said, performance.now()];
  const cost = await costDuring(server, () => untilRead(server.gate, crowd, () => crowd.speakAt(perSecond, STEADY_MS)));
  const [said, seconds] = [crowd.said - saidBefore, (performance.now() - startedMs) / 1000];
  return {
    cpuUs: ((cost.cpuMs - idle.cpuMs * seconds) * 1000) / said,
    redisCpuUs: ((cost.redisCpuMs - idle.redisCpuMs * seconds) * 1000) / said,
  };
}

async function delays({ crowd, fullPod, size }: Scene): Promise<Sample> {
  const [found] = await Promise.all([fullPod.delaysMs(DELAYS_MS), crowd.speakAt(size / FLUSH_S, DELAYS_MS)]);
  return { delayP50Ms: median(found), delayP99Ms: percentile(found, 99) };
}

/** As many entries as it reads, and, to compare with, as many Checks as it answers. */
async function most({ server, crowd, size }: Scene): Promise<Sample> {
  const startedMs = performance.now();
  await untilRead(server.gate, crowd, () => crowd.speak());
  const tookMs = performance.now() - startedMs;
  const message = checkBytes(newStream('pod0', proxyName(0)));
  const checks = await costDuring(server, () => h2load(server.address, message, CHECKS));
  return { perSecond: (size * 1000) / tookMs, checkCpuUs: (checks.cpuMs * 1000) / CHECKS };
}

function figures(found: Record<string, Sample[]>, sizes: readonly number[]): Figure[] {
  const largest = Math.max(...sizes);
  const of = (store: string, size: number, key: keyof Sample) =>
    found[nameOf(store, size)]?.flatMap((sample) => sample[key] ?? []) ?? [];
  const each = (make: (store: (typeof STORES)[number], size: number, name: string) => Figure) =>
    STORES.flatMap((store) => sizes.map((size) => make(store, size, `Access log, ${nameOf(store, size)}`)));
  const grows = (what: string, key: keyof Sample, atMost: number) =>
    STORES.flatMap((store) => {
      const all = sizes.map((size) => of(store, size, key));
      return growth(`Access log, ${store}: growth of ${what} with what is live`, sizes, all, atMost);
    });
  return [
    ...STORES.map((store): Figure => {
      const name = `Access log, ${nameOf(store, largest)}: entries read`;
      return { name, unit: '/s', samples: of(store, largest, 'perSecond') };
    }),
    ...each((store, size, name) => ({
      name: `${name}: CPU of an entry`,
      unit: 'µs',
      samples: of(store, size, 'cpuUs'),
      floor: { name: 'a Check', samples: of(store, largest, 'checkCpuUs') },
      ...(size < BUSY ? {} : { atMost: { ratio: 0.1 } }),
    })),
    ...sizes.map((size): Figure => {
      const name = `Access log, ${nameOf('redis', size)}: Redis's own CPU of an entry`;
      return { name, unit: 'µs', samples: of('redis', size, 'redisCpuUs') };
    }),
    ...each((store, size, name) => ({
      name: `${name}: from End to the freed slot, p50`,
      unit: 'ms',
      samples: of(store, size, 'delayP50Ms'),
    })),
    ...each((store, size, name) => ({
      name: `${name}: from End to the freed slot, p99`,
      unit: 'ms',
      samples: of(store, size, 'delayP99Ms'),
      isTail: true,
      atMost: { value: 1_000 },
    })),
    ...grows('the CPU of an entry', 'cpuUs', 0.1),
    ...grows('the time to a freed slot', 'delayP50Ms', 1),
  ];
}
