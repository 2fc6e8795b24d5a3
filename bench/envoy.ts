/** What a gate adds to a WebSocket upgrade through a real Envoy. */

import { availableParallelism } from 'node:os';
import type { Document } from 'yaml';
import { HTTP_MANAGER } from '../lab/fleet/edge.ts';
import { type Benchmark, inRounds, ROUNDS, type Trial } from './benchmark.ts';
import { type Figure, median, percentile, valuesOf } from './figure.ts';
import { closedLoop, openLoop } from './load.ts';
import { machineBusyMs } from './process-cost.ts';
import type { Server, Stand } from './stand.ts';
import { upgradeOnce } from './upgrades.ts';

const VARIANTS = ['no filter', 'no-op', 'embedded', 'redis'] as const;
type Name = (typeof VARIANTS)[number];
const GATES: readonly Name[] = ['embedded', 'redis'];

const POD = 'pod1';
export const PATH = `/${POD}/chat?room=lobby`;
const CAPACITY = { full: { rounds: 2, upgrades: 2_000 }, short: { rounds: 1, upgrades: 1_000 } };
const AT_ONCE = 32;
const PACED_MS = { full: 4_000, short: 2_000 };
/** Well below what any machine answers. */
const PROBED_PER_SECOND = 200;

export const envoy: Benchmark = {
  name: 'envoy',
  what: 'WebSocket upgrades through a real Envoy',
  inShort: true,
  async run(trial) {
    const { stand, length, say } = trial;
    const pod = await stand.program('raw-pod');
    const noop = await stand.program('noop-grpc');
    const ports = {
      'no filter': await startEnvoy(stand, pod, noop, withoutGate),
      'no-op': await startEnvoy(stand, pod, noop),
      embedded: await startEnvoy(stand, pod, await stand.gate()),
      redis: await startEnvoy(stand, pod, await stand.gate({ redis: await stand.redis() })),
    };
    const { rounds, upgrades } = CAPACITY[length];
    // Upgrades a second when each is followed by the next.
    const capacity = await inRounds(rounds, ports, async (port, name) => {
      say(`${name}: ${upgrades} upgrades`);
      const startedMs = performance.now();
      await closedLoop(Array<string>(upgrades).fill(PATH), AT_ONCE, (path) => upgradeOnce(port, path));
      return (upgrades * 1000) / (performance.now() - startedMs);
    });
    const half = await halfBusy(trial, ports.redis);
    const found = await inRounds(ROUNDS[length], ports, async (port, name) => {
      say(`${name}: ${half.toFixed(0)} upgrades a second`);
      const tookMs = await openLoop(half, PACED_MS[length], () => upgradeOnce(port, PATH));
      return { p50: median(tookMs), p99: percentile(tookMs, 99) };
    });
    return figures(capacity, found);
  },
};

export function startEnvoy(
  stand: Stand,
  pod: Server,
  gate: Server,
  mutate: (config: Document) => void = () => {},
): Promise<number> {
  const port = Number(new URL(`http://${pod.address}`).port);
  return stand.envoy({ proxyId: 'edge', gate: gate.address, pods: { [POD]: port }, mutate });
}

/** An Envoy that neither asks nor logs. */
function withoutGate(config: Document): void {
  config.setIn([...HTTP_MANAGER, 'upgrade_configs'], config.createNode([{ upgrade_type: 'websocket' }]));
  config.deleteIn([...HTTP_MANAGER, 'access_log']);
}

/**
 * The rate of upgrades that keeps half of the machine's processors busy. At the highest possible rate upgrades come in
 * bunches, and each of a bunch costs less; so that would tell less.
 */
async function halfBusy({ length, say }: Trial, port: number): Promise<number> {
  say(`redis: ${PROBED_PER_SECOND} upgrades a second`);
  const beforeMs = machineBusyMs();
  const { length: upgrades } = await openLoop(PROBED_PER_SECOND, PACED_MS[length], () => upgradeOnce(port, PATH));
  const eachMs = (machineBusyMs() - beforeMs) / upgrades;
  return (availableParallelism() * 1000) / eachMs / 2;
}

function figures(capacity: Record<Name, number[]>, found: Record<Name, { p50: number; p99: number }[]>): Figure[] {
  const each = (title: string, unit: Figure['unit'], samplesOf: (name: Name) => number[], more: Partial<Figure> = {}) =>
    VARIANTS.map((name): Figure => {
      const { atMost, ...always } = more;
      const floor = { floor: { name: 'no-op', samples: samplesOf('no-op') }, ...(atMost ? { atMost } : {}) };
      const figure = { name: `Through Envoy, ${name}: ${title}`, unit, samples: samplesOf(name), ...always };
      return GATES.includes(name) ? { ...figure, ...floor } : figure;
    });
  const p50Ms = (name: Name) => valuesOf(found[name], 'p50');
  const p99Ms = (name: Name) => valuesOf(found[name], 'p99');
  return [
    ...each('upgrades, at most', '/s', (name) => capacity[name]),
    ...each('p50 at half of the capacity', 'ms', p50Ms),
    ...each('p99 at half of the capacity', 'ms', p99Ms, { isTail: true, atMost: { ratio: 3 } }),
    ...GATES.map((name): Figure => {
      const samples = p50Ms(name).map((ms, round) => ms - (p50Ms('no-op')[round] ?? Number.NaN));
      const title = `Through Envoy, ${name}: added to the p50 of a no-op Check`;
      return { name: title, unit: 'ms', samples, atMost: { value: 1 } };
    }),
  ];
}
