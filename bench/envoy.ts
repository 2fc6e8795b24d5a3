/** What a gate adds to a WebSocket upgrade through a real Envoy. */

import { availableParallelism } from 'node:os';
import type { Document } from 'yaml';
import { HTTP_MANAGER } from '../lab/fleet/edge.ts';
import { type Benchmark, ROUNDS, type Trial } from './benchmark.ts';
import type { Figure } from './figure.ts';
import { closedLoop, openLoop } from './load.ts';
import { machineBusyMs } from './process-cost.ts';
import { inRounds } from './rounds.ts';
import type { Server, Stand } from './stand.ts';
import { median, percentile } from './statistics.ts';
import { upgradeOnce } from './upgrades.ts';

const VARIANTS = ['no filter', 'no-op', 'embedded', 'redis'] as const;
type Name = (typeof VARIANTS)[number];

const POD = 'pod1';
export const PATH = `/${POD}/chat?room=lobby`;
const CAPACITY = { full: { rounds: 2, upgrades: 2_000 }, short: { rounds: 1, upgrades: 1_000 } };
const AT_ONCE = 32;
const PACED_MS = { full: 4_000, short: 2_000 };
/** Well below what any machine answers. */
const PROBED_PER_SECOND = 200;

interface Sample {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export const envoy: Benchmark = {
  name: 'envoy',
  what: 'WebSocket upgrades through a real Envoy',
  inShort: true,
  async run(trial) {
    const ports = await startEnvoys(trial);
    const capacity = await measureCapacity(trial, ports);
    const half = await halfBusy(trial, ports.redis);
    const found = await inRounds(ROUNDS[trial.length], VARIANTS, async (name) => {
      trial.say(`${name}: ${half.toFixed(0)} upgrades a second`);
      const tookMs = await openLoop(half, PACED_MS[trial.length], () => upgradeOnce(ports[name], PATH));
      return { p50Ms: median(tookMs), p99Ms: percentile(tookMs, 99) };
    });
    return figures(capacity, found);
  },
};

async function startEnvoys({ stand }: Trial): Promise<Record<Name, number>> {
  const pod = await stand.program('raw-pod');
  const noop = await stand.program('noop-grpc');
  return {
    'no filter': await startEnvoy(stand, pod, noop, withoutGate),
    'no-op': await startEnvoy(stand, pod, noop),
    embedded: await startEnvoy(stand, pod, await stand.gate()),
    redis: await startEnvoy(stand, pod, await stand.gate({ redis: await stand.redis() })),
  };
}

export function startEnvoy(
  stand: Stand,
  pod: Server,
  gate: Server,
  mutate?: (config: Document) => void,
): Promise<number> {
  const port = Number(new URL(`http://${pod.address}`).port);
  return stand.envoy({ proxyId: 'edge', gate: gate.address, pods: { [POD]: port }, ...(mutate ? { mutate } : {}) });
}

/** An Envoy that neither asks nor logs. */
function withoutGate(config: Document): void {
  config.setIn([...HTTP_MANAGER, 'upgrade_configs'], config.createNode([{ upgrade_type: 'websocket' }]));
  config.deleteIn([...HTTP_MANAGER, 'access_log']);
}

/** Upgrades a second when each is followed by the next. */
async function measureCapacity({ length, say }: Trial, ports: Record<Name, number>) {
  const { rounds, upgrades } = CAPACITY[length];
  const paths = Array.from({ length: upgrades }, () => PATH);
  return inRounds(rounds, VARIANTS, async (name) => {
    say(`${name}: ${upgrades} upgrades`);
    const startedMs = performance.now();
    await closedLoop(paths, AT_ONCE, (path) => upgradeOnce(ports[name], path));
    return (upgrades * 1000) / (performance.now() - startedMs);
  });
}

/**
 * Upgrades a second by which half of the machine's processors' time is taken. As many as can be answered tells less: they
 * come in heaps then, and in heaps each costs less.
 */
async function halfBusy({ length, say }: Trial, port: number): Promise<number> {
  say(`redis: ${PROBED_PER_SECOND} upgrades a second`);
  const beforeMs = machineBusyMs();
  const { length: upgrades } = await openLoop(PROBED_PER_SECOND, PACED_MS[length], () => upgradeOnce(port, PATH));
  const eachMs = (machineBusyMs() - beforeMs) / upgrades;
  return (availableParallelism() * 1000) / eachMs / 2;
}

function figures(capacity: Record<Name, number[]>, found: Record<Name, Sample[]>): Figure[] {
  const of = (name: Name, key: keyof Sample) => found[name].map((sample) => sample[key]);
  const noop = (samples: readonly number[]) => ({ floor: { name: 'no-op', samples } });
  const added = (name: Name) => of(name, 'p50Ms').map((ms, round) => ms - (of('no-op', 'p50Ms')[round] ?? Number.NaN));
  const isGate = (name: Name) => name === 'embedded' || name === 'redis';
  return [
    ...VARIANTS.map((name): Figure => {
      const floor = isGate(name) ? noop(capacity['no-op']) : {};
      return { name: `Through Envoy, ${name}: upgrades, at most`, unit: '/s', samples: capacity[name], ...floor };
    }),
    ...VARIANTS.map((name): Figure => {
      const floor = isGate(name) ? noop(of('no-op', 'p50Ms')) : {};
      return {
        name: `Through Envoy, ${name}: p50 at half of the capacity`,
        unit: 'ms',
        samples: of(name, 'p50Ms'),
        ...floor,
      };
    }),
    ...VARIANTS.map((name): Figure => {
      const floor = isGate(name) ? { ...noop(of('no-op', 'p99Ms')), atMost: { ratio: 3 } } : {};
      const samples = of(name, 'p99Ms');
      return {
        name: `Through Envoy, ${name}: p99 at half of the capacity`,
        unit: 'ms',
        samples,
        isTail: true,
        ...floor,
      };
    }),
    ...(['embedded', 'redis'] as const).map((name): Figure => {
      const title = `Through Envoy, ${name}: added to the p50 of a no-op Check`;
      return { name: title, unit: 'ms', samples: added(name), atMost: { value: 1 } };
    }),
  ];
}
