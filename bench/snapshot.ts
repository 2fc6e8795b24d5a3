/** What it costs to ask for the fleet's totals, and whether Checks notice. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Benchmark, Trial } from './benchmark.ts';
import { Crowd, members, proxyName, untilCounted, untilRead } from './crowd.ts';
import { type Figure, growth } from './figure.ts';
import { CHECK_PATH, framed, GrpcConnection } from './grpc-client.ts';
import { openLoop } from './load.ts';
import { checkBytes, newStream } from './messages.ts';
import { inRounds } from './rounds.ts';
import { costDuring, type GateServer } from './stand.ts';
import { percentile } from './statistics.ts';

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
  readonly pods: readonly string[];
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
    const scenes = new Map<string, Scene>();
    for (const pods of sizes) scenes.set(String(pods), await startScene(trial, pods));
    const found = await inRounds(ROUNDS, [...scenes.keys()], async (name) => {
      trial.say(`${name} pods × ${PROXIES} proxies`);
      const scene = scenes.get(name);
      if (scene === undefined) throw new Error(`there is no ${name}`);
      return measure(scene);
    });
    return figures(sizes, found);
  },
};

async function startScene({ stand, say }: Trial, pods: number): Promise<Scene> {
  say(`opening a connection to each of ${pods} pods through each of ${PROXIES} proxies`);
  const all = members({ connections: pods * PROXIES, pods, proxies: PROXIES });
  const server = await stand.gate({ redis: await stand.redis(), isLasting: true });
  const crowd = await Crowd.at(server.address, all);
  stand.owns(async () => crowd.close());
  await untilRead(server.gate, crowd, () => crowd.speak());
  await untilCounted(server.gate, all.length);
  const connection = await GrpcConnection.to(server.address, proxyName(0));
  stand.owns(async () => connection.close());
  return {
    server,
    connection,
    pods: [...new Set(all.map(({ stream }) => stream.pod))],
    check: framed(checkBytes(newStream('pod0', proxyName(0)))),
  };
}

async function measure(scene: Scene): Promise<Sample> {
  const { server, connection, check } = scene;
  const checksP99Ms = async () => {
    const tookMs = await openLoop(CHECKS_PER_SECOND, SCRAPES * EVERY_MS, () => connection.unary(CHECK_PATH, check));
    return percentile(tookMs, 99);
  };
  const scraped = await costDuring(server, () => scrapes(server));
  const p99WithoutMs = await checksP99Ms();
  const [p99Ms] = await Promise.all([checksP99Ms(), scrapes(server)]);
  return {
    scrapeMs: scraped.result,
    floorMs: await bareReads(scene),
    redisCpuMs: scraped.redisCpuMs / SCRAPES,
    p99Ms,
    p99WithoutMs,
  };
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
  const of = (pods: number, key: keyof Sample) => found[pods]?.map((sample) => sample[key]) ?? [];
  const title = (pods: number) => `Snapshot, ${pods.toLocaleString('en')} pods × ${PROXIES} proxies`;
  const grows = (what: string, key: keyof Sample) =>
    growth(
      `Snapshot: growth of ${what} with pods`,
      sizes,
      sizes.map((pods) => of(pods, key)),
      1.05,
    );
  return [
    ...sizes.map((pods): Figure => {
      const floor = { name: 'the same reads, bare', samples: of(pods, 'floorMs') };
      const target = pods === TYPICAL ? { atMost: { value: 50 } } : {};
      return { name: `${title(pods)}: a scrape`, unit: 'ms', samples: of(pods, 'scrapeMs'), floor, ...target };
    }),
    ...sizes.map((pods): Figure => {
      return { name: `${title(pods)}: Redis's own CPU of a scrape`, unit: 'ms', samples: of(pods, 'redisCpuMs') };
    }),
    ...sizes.map((pods): Figure => {
      const floor = { name: 'without scrapes', samples: of(pods, 'p99WithoutMs') };
      const target = pods === TYPICAL ? { atMost: { ratio: 1.5 } } : {};
      return {
        name: `${title(pods)}: p99 of Checks, a scrape a second meanwhile`,
        unit: 'ms',
        samples: of(pods, 'p99Ms'),
        isTail: true,
        floor,
        ...target,
      };
    }),
    ...grows('a scrape', 'scrapeMs'),
  ];
}
