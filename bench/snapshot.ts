/** What it costs to ask for the fleet's totals, and whether Checks notice. */

import { setTimeout as delay } from 'node:timers/promises';
import { type Benchmark, inRounds, type Trial } from './benchmark.ts';
import { members } from './crowd.ts';
import { type Figure, growth, percentile, valuesOf } from './figure.ts';
import { CHECK_PATH, framed, GrpcConnection } from './grpc-client.ts';
import { openLoop } from './load.ts';
import { checkBytes, newStream, proxyName } from './messages.ts';
import { costDuring, type GateServer } from './stand.ts';

const SIZES = { full: [10, 1_000, 10_000], short: [1_000] };
const ROUNDS = 3;
const PROXIES = 10;
/** The size that the targets are for. */
const TYPICAL = 1_000;
/** The gate reads the store at most once a second, so more would be answered from memory. */
const EVERY_MS = 1_050;
const SCRAPES = 2;
const CHECKS_PER_SECOND = 500;

interface Scene {
  readonly server: GateServer;
  readonly pods: ReadonlySet<string>;
  readonly connection: GrpcConnection;
  readonly check: Buffer;
}

interface Sample {
  readonly scrapeMs: number;
  readonly floorMs: number;
  readonly redisCpuMs: number;
  readonly p99Ms: number;
  readonly p99WithoutMs: number;
}

export const snapshot: Benchmark = {
  name: 'snapshot',
  what: 'scrapes of /websocket/metrics, and Checks meanwhile',
  inShort: true,
  async run(trial) {
    const sizes = SIZES[trial.length];
    const scenes: Record<string, Scene> = {};
    for (const pods of sizes) scenes[pods] = await startScene(trial, pods);
    const found = await inRounds(ROUNDS, scenes, async (scene, name) => {
      trial.say(`${name} pods × ${PROXIES} proxies`);
      return measure(scene);
    });
    return figures(sizes, found);
  },
};

async function startScene({ stand, say }: Trial, pods: number): Promise<Scene> {
  say(`opening a connection to each of ${pods} pods through each of ${PROXIES} proxies`);
  const all = members({ connections: pods * PROXIES, pods, proxies: PROXIES });
  const server = await stand.gate({ redis: await stand.redis(), isLasting: true });
  await stand.crowd(server, all);
  const connection = await GrpcConnection.to(server.address, proxyName(0));
  stand.owns(() => connection.close());
  const check = framed(checkBytes(newStream()));
  return { server, connection, check, pods: new Set(all.map(({ stream }) => stream.pod)) };
}

async function measure(scene: Scene): Promise<Sample> {
  const { server, connection, check } = scene;
  const checksP99Ms = async () => {
    const tookMs = await openLoop(CHECKS_PER_SECOND, SCRAPES * EVERY_MS, () => connection.unary(CHECK_PATH, check));
    return percentile(tookMs, 99);
  };
  const scraped = await costDuring(server, SCRAPES, () => scrapes(server));
  const p99WithoutMs = await checksP99Ms();
  const [p99Ms] = await Promise.all([checksP99Ms(), scrapes(server)]);
  const floorMs = await bareReads(scene);
  return { scrapeMs: scraped.result, floorMs, redisCpuMs: scraped.redisCpuUs / 1000, p99Ms, p99WithoutMs };
}

/** The median time of one. */
async function scrapes({ gate }: GateServer): Promise<number> {
  const tookMs: number[] = [];
  for (let i = 0; i < SCRAPES; i += 1) {
    const startedMs = performance.now();
    const answer = await fetch(`http://127.0.0.1:${gate.httpPort}/websocket/metrics`);
    await answer.text();
    tookMs.push(performance.now() - startedMs);
    await delay(Math.max(0, EVERY_MS - (performance.now() - startedMs)));
  }
  return percentile(tookMs, 50);
}

/** The same keys read in one pipeline, with nothing made of them. */
async function bareReads({ server, pods }: Scene): Promise<number> {
  const pipeline = server.redis?.client.pipeline();
  for (const pod of pods) pipeline?.zcard(`ws:pod_conn:${pod}`).hgetall(`{ws:pod_conn:${pod}}:proxies`);
  const startedMs = performance.now();
  await pipeline?.exec();
  return performance.now() - startedMs;
}

function figures(sizes: readonly number[], found: Record<string, Sample[]>): Figure[] {
  const each = (title: string, key: keyof Sample, more: (pods: number) => Partial<Figure> = () => ({})) =>
    sizes.map((pods): Figure => {
      const name = `Snapshot, ${pods.toLocaleString('en')} pods × ${PROXIES} proxies: ${title}`;
      return { name, unit: 'ms', samples: valuesOf(found[pods], key), ...more(pods) };
    });
  const target = (pods: number, atMost: NonNullable<Figure['atMost']>) => (pods === TYPICAL ? { atMost } : {});
  return [
    ...each('a scrape', 'scrapeMs', (pods) => ({
      floor: { name: 'the same reads, bare', samples: valuesOf(found[pods], 'floorMs') },
      ...target(pods, { value: 50 }),
    })),
    ...each("Redis's own CPU of a scrape", 'redisCpuMs'),
    ...each('p99 of Checks, a scrape a second meanwhile', 'p99Ms', (pods) => ({
      isTail: true,
      floor: { name: 'without scrapes', samples: valuesOf(found[pods], 'p99WithoutMs') },
      ...target(pods, { ratio: 1.5 }),
    })),
    ...growth(
      'Snapshot: growth of a scrape with pods',
      sizes,
      sizes.map((pods) => valuesOf(found[pods], 'scrapeMs')),
      1.05,
    ),
  ];
}
