/** A gate that holds many streams: their memory, what Checks notice of it, and how it stops. */

import { Heap } from '../lab/fleet/heap.ts';
import { ASKABLE } from '../lab/fleet/inspector.ts';
import type { Program } from '../lab/fleet/processes.ts';
import type { Benchmark, Trial } from './benchmark.ts';
import { type Figure, percentile, valuesOf } from './figure.ts';
import { CHECK_PATH, framed, GrpcConnection } from './grpc-client.ts';
import { HeldCrowd, newStreams } from './held-crowd.ts';
import { openLoop } from './load.ts';
import { checkBytes, newStream, proxyName } from './messages.ts';
import { residentBytes } from './process-cost.ts';
import { type GateServer, Stand } from './stand.ts';

const STREAMS = { full: 50_000, short: 2_000 };
const ROUNDS = { full: 1, short: 2 };
const PODS = 20;
/** By then V8 has compiled the code, and has the heap that it needs in any case. */
const WARM_UP = 1_000;
const CHECKS_PER_SECOND = 200;
/** With the gate's default of `lease.ttl` each stream renews once in that time. */
const CHECKS_MS = { full: 16_000, short: 1_000 };
/** The gate's default of `stop.deadline`. */
const STOP_MS = 10_000;

interface Weight {
  readonly heapBytes: number;
  readonly residentBytes: number;
}

interface Sample extends Weight {
  readonly p99Ms: number;
  readonly p99WithoutMs: number;
  readonly lagMs: number;
  readonly stopMs: number;
}

export const held: Benchmark = {
  name: 'held',
  what: 'a gate that holds streams: memory, Checks meanwhile, and its stop',
  inShort: true,
  async run({ length, say }) {
    const floor: Weight[] = [];
    const found: Sample[] = [];
    for (let round = 0; round < ROUNDS[length]; round += 1) {
      say(`${STREAMS[length].toLocaleString('en')} streams at the floor`);
      floor.push(await Stand.during((stand) => weighFloor(stand, STREAMS[length])));
      say(`${STREAMS[length].toLocaleString('en')} streams at a gate on Redis`);
      found.push(await Stand.during((stand) => measure(stand, length)));
    }
    return figures(STREAMS[length], floor, found);
  },
};

async function weighFloor(stand: Stand, count: number): Promise<Weight> {
  const server = await stand.holding();
  return (await weigh(stand, server.address, server.program, count)).weight;
}

async function measure(stand: Stand, length: Trial['length']): Promise<Sample> {
  const count = STREAMS[length];
  const server = await stand.gate({ redis: await stand.redis(), env: ASKABLE });
  const p99WithoutMs = await checksP99Ms(stand, server, CHECKS_MS[length]);
  const { crowd, weight } = await weigh(stand, server.address, server.gate, count);
  await lagMs(server); // and of what follows
  const p99Ms = await checksP99Ms(stand, server, CHECKS_MS[length]);
  return { ...weight, p99Ms, p99WithoutMs, lagMs: await lagMs(server), stopMs: await stop(server, crowd, count) };
}

/** Opens the streams, and leaves them open. */
async function weigh(stand: Stand, address: string, program: Program, count: number) {
  const heap = await Heap.of(program);
  const warm = await HeldCrowd.at(address, WARM_UP, proxyName(0));
  await warm.open(newStreams(WARM_UP, PODS));
  await warm.end();
  warm.close();
  const now = async () => ({ heapBytes: await heap.used(), residentBytes: residentBytes(program.pid) });
  const before = await now();
  const crowd = await HeldCrowd.at(address, count, proxyName(0));
  stand.owns(() => crowd.close());
  await crowd.open(newStreams(count, PODS));
  const after = await now();
  heap.close(); // or the process would wait for that before it ends
  const each = (key: keyof Weight) => (after[key] - before[key]) / count;
  return { crowd, weight: { heapBytes: each('heapBytes'), residentBytes: each('residentBytes') } };
}

async function checksP99Ms(stand: Stand, { address }: GateServer, forMs: number): Promise<number> {
  const connection = await GrpcConnection.to(address, proxyName(1));
  stand.owns(() => connection.close());
  const check = framed(checkBytes(newStream('pod0', proxyName(1))));
  return percentile(await openLoop(CHECKS_PER_SECOND, forMs, () => connection.unary(CHECK_PATH, check)), 99);
}

/** The longest stall of the event loop since it was asked last. */
async function lagMs({ gate }: GateServer): Promise<number> {
  return ((await gate.metrics('/metrics')).wsgate_event_loop_lag_seconds ?? Number.NaN) * 1000;
}

/** Rejects unless every stream was ended with OK, which closes no WebSocket, in time. */
async function stop({ gate }: GateServer, crowd: HeldCrowd, count: number): Promise<number> {
  const { wsgate_held_streams: holds } = await gate.metrics('/metrics');
  if (holds !== count) throw new Error(`the gate holds ${holds} of ${count} streams: this measures something else`);
  const startedMs = performance.now();
  gate.kill('SIGTERM');
  await gate.ended;
  const tookMs = performance.now() - startedMs;
  await crowd.over();
  if (crowd.with('0') !== count) throw new Error(`${count - crowd.with('0')} of ${count} were not let go with OK`);
  return tookMs;
}

function figures(count: number, floor: readonly Weight[], found: readonly Sample[]): Figure[] {
  const streams = `${count.toLocaleString('en')} streams`;
  const of = (title: string, unit: Figure['unit'], key: keyof Sample): Figure => {
    return { name: `Held, ${streams}: ${title}`, unit, samples: valuesOf(found, key) };
  };
  const weight = (title: string, key: keyof Weight): Figure[] => [
    { name: `Held, ${streams}, http2: ${title}`, unit: 'B', samples: valuesOf(floor, key) },
    { ...of(title, 'B', key), floor: { name: 'http2', samples: valuesOf(floor, key) } },
  ];
  return [
    ...weight('heap of a stream', 'heapBytes'),
    ...weight('resident of a stream, garbage taken out', 'residentBytes'),
    {
      ...of('p99 of Checks meanwhile', 'ms', 'p99Ms'),
      floor: { name: 'without them', samples: valuesOf(found, 'p99WithoutMs') },
      isTail: true,
    },
    of('longest stall of the event loop meanwhile', 'ms', 'lagMs'),
    { ...of('from SIGTERM to the end, all let go with OK', 'ms', 'stopMs'), atMost: { value: STOP_MS } },
  ];
}
