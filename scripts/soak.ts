/**
 * `npm run soak`: opens and closes all the time for half an hour, with something broken every twenty seconds. In the
 * end nobody may hold a slot, and the gate that lived through all of it may not have grown.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Bench } from './faults/bench.ts';
import { LOST_END_MS } from './faults/scale.ts';
import { until } from './fleet/processes.ts';
import { Random } from './fleet/random.ts';
import { ASKABLE, Heap } from './fuzz/heap.ts';
import { soakFaults } from './soak/faults.ts';
import { type Point, slopeOf } from './soak/slope.ts';

const USAGE = `Opens and closes WebSockets for long, breaks something every 20 s, and looks for what is left over.

  npm run soak -- [--minutes 30] [--seed 1] [--rate 10000]

  --rate   opens and closes a minute, together; less if the machine carries less

Exit code: 0; 1 when slots, memory or timers are left over, or a pod had more than its limit.`;

const LIMIT = 150;
/** So much of each pod is in use, most of the time. */
const FILLED = 0.8;
const TICK_MS = 20;
const FAULT_EVERY_MS = 20_000;
const SAMPLE_MS = 5_000;
/** Code gets compiled, caches fill. */
const WARM_UP = 0.2;
/** What the driver remembers of a connection that has ended. */
const REMEMBER_MS = 30_000;
/** Beyond this the heap does not just breathe. */
const GROWTH_MAX = { mebibytesAnHour: 20, timers: 10 };
const MIB = 2 ** 20;

interface Sample {
  readonly heapBytes: number;
  readonly residentBytes: number;
  readonly resources: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      seed: { type: 'string', default: '1' },
      rate: { type: 'string', default: '10000' },
      help: { type: 'boolean', default: false },
    },
  });
  const [minutes, rate] = [Number(values.minutes), Number(values.rate)];
  if (values.help || !(minutes > 0) || !(rate > 0)) return print(USAGE);
  const bench = await Bench.start({ redisWires: true, limit: LIMIT, env: ASKABLE }, 'deny', Number(values.seed));
  try {
    bench.witness.start();
    return judge(await soak(bench, values.seed, minutes * 60_000, rate), await leftOver(bench), bench);
  } finally {
    await bench.stop();
  }
}

interface Soaked {
  readonly samples: readonly (Sample & { readonly atMs: number })[];
  readonly turnover: number;
  readonly lengthMs: number;
}

async function soak(bench: Bench, seed: string, lengthMs: number, rate: number): Promise<Soaked> {
  const heap = await Heap.of(bench.gate(0));
  const beganMs = performance.now();
  const endMs = beganMs + lengthMs;
  const samples: (Sample & { atMs: number })[] = [];
  const sampling = every(SAMPLE_MS, endMs, async () => {
    const sample = await heap.sample().catch(() => undefined); // it may be stopped
    if (sample) samples.push({ ...sample, atMs: performance.now() - beganMs });
  });
  const order = new Random(`${seed} faults`);
  const breaking = every(FAULT_EVERY_MS, endMs - FAULT_EVERY_MS, async () => {
    const fault = order.oneOf(soakFaults);
    const { connections } = bench.crowd;
    print(
      `${((performance.now() - beganMs) / 1000).toFixed(0).padStart(5)} s ${fault.what} (${connections.size} known)`,
    );
    await fault.run(bench);
  });
  const turnover = await churn(bench, new Random(`${seed} churn`), endMs, rate);
  await Promise.all([sampling, breaking]);
  heap.close();
  return { samples, turnover, lengthMs };
}

/** Opens and closes; resolves with how many there were. */
async function churn(bench: Bench, random: Random, endMs: number, rate: number): Promise<number> {
  let done = 0;
  for (let owed = 0; performance.now() < endMs; owed += (rate / 60_000) * TICK_MS) {
    for (; owed >= 1; owed -= 1) {
      const pod = random.below(bench.pods.length);
      const open = bench.crowd.of(bench.pods[pod]?.name ?? '', 'open').length;
      const kind = random.chance(open < LIMIT * FILLED ? 0.6 : 0.4) ? 'open' : 'close';
      if (kind === 'open') bench.take({ kind, pod, proxy: random.below(bench.envoys.length) });
      else bench.take({ kind, pod, which: random.next(), how: random.chance(0.3) ? 'reset' : 'close' });
      done += 1;
    }
    bench.crowd.forget(performance.now() - REMEMBER_MS);
    await delay(TICK_MS);
  }
  return done;
}

/** Everyone leaves: the slots that are taken when all evidence is there. */
async function leftOver(bench: Bench): Promise<number> {
  await bench.crowd.answered();
  bench.crowd.leaveAll('close');
  const left = async () => {
    const leases = await Promise.all(bench.pods.map(({ name }) => bench.leases(name)));
    return leases.reduce((sum, each) => sum + (each?.length ?? 0), 0);
  };
  await until('all slots are free', async () => (await left()) === 0, LOST_END_MS + 5_000).catch(() => {});
  return left();
}

function judge({ samples, turnover, lengthMs }: Soaked, drift: number, bench: Bench): number {
  const counted = samples.filter(({ atMs }) => atMs >= lengthMs * WARM_UP);
  const line = (of: (sample: Sample) => number): Point[] =>
    counted.map((each) => ({ x: each.atMs / 3_600_000, y: of(each) }));
  const heapGrowth = slopeOf(line(({ heapBytes }) => heapBytes / MIB));
  const residentGrowth = slopeOf(line(({ residentBytes }) => residentBytes / MIB));
  const timers = (counted.at(-1)?.resources ?? 0) - (counted[0]?.resources ?? 0);
  const [last] = counted.slice(-1);
  const told = bench
    .gate(0)
    .lines()
    .filter((line) => /Warning|unhandled|a bug/i.test(line));
  const { overMax } = bench.witness;
  print(`
opens and closes a minute   ${Math.round((turnover / lengthMs) * 60_000)}
admitted                    ${bench.crowd.admitted}
drift at the end            ${drift} slots
over the limit, most        ${overMax}
live connections cut        ${bench.crowd.cutBeside(bench.doomed)}
heap of gate 1              ${((last?.heapBytes ?? 0) / MIB).toFixed(1)} MiB, slope ${heapGrowth.toFixed(1)} MiB an hour
resident                    ${((last?.residentBytes ?? 0) / MIB).toFixed(1)} MiB, slope ${residentGrowth.toFixed(1)} MiB an hour
timers, sockets and others  ${last?.resources}, ${timers} more than after the warm-up
warnings in its log         ${told.length}`);
  const broken = [
    drift > 0 && `${drift} slots leaked`,
    overMax > 0 && `${overMax} over the limit`,
    bench.crowd.cutBeside(bench.doomed) > 0 && 'live connections cut',
    heapGrowth > GROWTH_MAX.mebibytesAnHour && 'the heap grows',
    timers > GROWTH_MAX.timers && 'timers or sockets are left over',
    ...told,
    ...bench.accidents,
  ].filter((text) => typeof text === 'string');
  for (const each of broken) console.error(`BROKEN: ${each}`);
  return broken.length === 0 ? print('holds') : 1;
}

/** Does it again and again, from one interval after now until the end. */
async function every(ms: number, endMs: number, act: () => Promise<void>): Promise<void> {
  while (performance.now() + ms < endMs) {
    await delay(ms);
    await act();
  }
}

function print(text: string): number {
  console.log(text);
  return 0;
}

process.exitCode = await main();
