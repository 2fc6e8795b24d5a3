/** What the access log costs: every open connection speaks at each flush interval, so this is most of a gate's work. */

import { setTimeout as delay } from 'node:timers/promises';
import { type Benchmark, inRounds, type Trial } from './benchmark.ts';
import { type Crowd, type Member, members, untilRead } from './crowd.ts';
import { type Figure, growth, median, percentile } from './figure.ts';
import { FULL_POD, FULL_POD_LIMIT, FullPod } from './freed-slot.ts';
import { h2load } from './h2load.ts';
import { checkBytes, newStream } from './messages.ts';
import { type Cost, costDuring, type GateServer } from './stand.ts';

const STORES = ['embedded', 'redis'] as const;
const SIZES = { full: [1_000, 10_000, 100_000], short: [10_000] };
const ROUNDS = 3;
/** From this size on, entries come as fast as the Checks that they are compared with. */
const BUSY = 10_000;
const PODS = 100;
const PROXIES = 4;
/** A connection has an entry once a second at most: of two in one second, the ledger would write only one renewal. */
const EVERY_MS = 1_050;
const PER_SECOND_MAX = 10_000;
const STEADY_MS = 2_000;
/** How long the cost of an idle gate and its Redis is measured. */
const IDLE_S = 2;
/** As in `envoy/edge.yaml`: how often the other connections speak while delays are measured. */
const FLUSH_S = 15;
const DELAYS_MS = 800;
const CHECKS = 5_000;
/** By then V8 has compiled the code, as in a gate that is up for days. */
const WARM_UP = { ms: 8_000, checks: 10_000 };

interface Scene {
  readonly server: GateServer;
  readonly crowd: Crowd;
  readonly fullPod: FullPod;
  readonly size: number;
  /** A second. */
  readonly idle: Cost;
}

/** One round of one scene. Keys that it did not measure are absent. */
type Sample = Partial<Record<keyof Cost | 'checkCpuUs' | 'perSecond' | 'delayP50Ms' | 'delayP99Ms', number>>;

export const accessLog: Benchmark = {
  name: 'access-log',
  what: 'entries of the access log, and how soon a slot is free after one says that its connection has closed',
  inShort: true,
  async run(trial) {
    const sizes = SIZES[trial.length];
    const largest = Math.max(...sizes);
    const all = members({ connections: largest, pods: PODS, proxies: PROXIES });
    const scenes: Record<string, Scene> = {};
    for (const size of sizes) {
      for (const store of STORES) {
        trial.say(`opening ${nameOf(store, size)}`);
        scenes[nameOf(store, size)] = await startScene(trial, store, all.slice(0, size));
      }
    }
    const found = await inRounds(ROUNDS, scenes, async (scene, name): Promise<Sample> => {
      trial.say(name);
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
const aCheck = () => checkBytes(newStream());

async function startScene({ stand }: Trial, store: string, some: readonly Member[]): Promise<Scene> {
  const limits = { [FULL_POD]: { connections: FULL_POD_LIMIT } };
  const onRedis = store === 'redis' ? { redis: await stand.redis() } : {};
  const server = await stand.gate({ ...onRedis, limits, isLasting: true });
  const crowd = await stand.crowd(server, some);
  if (some.length >= BUSY) {
    await untilRead(server.gate, crowd, () => crowd.speakAt(PER_SECOND_MAX, WARM_UP.ms));
    await h2load(server.address, aCheck(), WARM_UP.checks);
  }
  const fullPod = await FullPod.at(server.address, crowd);
  stand.owns(() => fullPod.close());
  const idle = await costDuring(server, IDLE_S, () => delay(IDLE_S * 1000));
  return { server, crowd, fullPod, size: some.length, idle };
}

async function costs({ server, crowd, size, idle }: Scene): Promise<Sample> {
  const perSecond = Math.min(PER_SECOND_MAX, (size * 1000) / EVERY_MS);
  const [saidBefore, startedMs] = [crowd.said, performance.now()];
  const act = () => untilRead(server.gate, crowd, () => crowd.speakAt(perSecond, STEADY_MS));
  const cost = await costDuring(server, 1, act);
  const [said, seconds] = [crowd.said - saidBefore, (performance.now() - startedMs) / 1000];
  const each = (key: keyof Cost) => (cost[key] - idle[key] * seconds) / said;
  return { cpuUs: each('cpuUs'), redisCpuUs: each('redisCpuUs') };
}

async function delays({ crowd, fullPod, size }: Scene): Promise<Sample> {
  const [found] = await Promise.all([fullPod.delaysMs(DELAYS_MS), crowd.speakAt(size / FLUSH_S, DELAYS_MS)]);
  return { delayP50Ms: median(found), delayP99Ms: percentile(found, 99) };
}

/** How many entries it can read in a second, and what a Check costs, to compare with. */
async function most({ server, crowd, size }: Scene): Promise<Sample> {
  const startedMs = performance.now();
  await untilRead(server.gate, crowd, () => crowd.speak());
  const tookMs = performance.now() - startedMs;
  const checks = await costDuring(server, CHECKS, () => h2load(server.address, aCheck(), CHECKS));
  return { perSecond: (size * 1000) / tookMs, checkCpuUs: checks.cpuUs };
}

function figures(found: Record<string, Sample[]>, sizes: readonly number[]): Figure[] {
  const largest = Math.max(...sizes);
  const of = (store: string, size: number, key: keyof Sample) =>
    found[nameOf(store, size)]?.flatMap((sample) => sample[key] ?? []) ?? [];
  const figure = (store: string, size: number, title: string, unit: Figure['unit'], key: keyof Sample): Figure => {
    return { name: `Access log, ${nameOf(store, size)}: ${title}`, unit, samples: of(store, size, key) };
  };
  const scenes = STORES.flatMap((store) => sizes.map((size) => [store, size] as const));
  const grows = (what: string, key: keyof Sample, atMost: number) =>
    STORES.flatMap((store) => {
      const all = sizes.map((size) => of(store, size, key));
      return growth(`Access log, ${store}: growth of ${what} with what is live`, sizes, all, atMost);
    });
  return [
    ...STORES.map((store) => figure(store, largest, 'entries read', '/s', 'perSecond')),
    ...scenes.map(([store, size]) => ({
      ...figure(store, size, 'CPU of an entry', 'µs', 'cpuUs'),
      floor: { name: 'a Check', samples: of(store, largest, 'checkCpuUs') },
      ...(size < BUSY ? {} : { atMost: { ratio: 0.1 } }),
    })),
    ...sizes.map((size) => figure('redis', size, "Redis's own CPU of an entry", 'µs', 'redisCpuUs')),
    ...scenes.map(([store, size]) => figure(store, size, 'from End to the freed slot, p50', 'ms', 'delayP50Ms')),
    ...scenes.map(([store, size]): Figure => {
      const p99 = figure(store, size, 'from End to the freed slot, p99', 'ms', 'delayP99Ms');
      return { ...p99, isTail: true, atMost: { value: 1_000 } };
    }),
    ...grows('the CPU of an entry', 'cpuUs', 0.1),
    ...grows('the time to a freed slot', 'delayP50Ms', 1),
  ];
}
