/**
 * `npm run soak`: clients come and go for a long time while one thing after the other breaks. After each fault the count
 * has to be right again; in the end no slot is taken, and the gate that lived through all of it has not grown.
 */

import { command, parse, positive, print, wholeNumber } from './command.ts';
import { FAULTS } from './faults/list.ts';
import { perform } from './faults/perform.ts';
import { planOf, STEP_MS } from './faults/plan.ts';
import { LOST_END_MS } from './faults/scale.ts';
import { Stage } from './faults/stage.ts';
import { seconds } from './faults/verdict.ts';
import { ASKABLE } from './fleet/inspector.ts';
import { machineNow, stalledMs } from './fleet/machine-time.ts';
import { until } from './fleet/processes.ts';
import { Random } from './fleet/random.ts';
import { type Growth, Samples } from './soak/samples.ts';
import { strangeLines } from './soak/strange-lines.ts';

const USAGE = `Opens and closes WebSockets for a long time, breaks one thing after the other, and looks for what is left over.

  npm run soak -- [--minutes 30] [--seed 1] [--rate 10000]

  --rate   opens and closes a minute, together; fewer if the machine carries fewer

Exit code: 0; 1 when slots, memory or timers are left over, a pod had more than its limit, or a gate's log tells of a
bug; 2 for a command line that makes no sense.
`;

/** Faults that leave the fleet as it was, with the first gate still the same process. */
const NAMES = [
  ...['gate-sigkill', 'gate-sigstop', 'gate-cut-from-redis', 'redis-restart-empty', 'redis-empty-gate-late'],
  ...['redis-sigstop', 'gate-dies-in-outage', 'two-at-once', 'envoy-restart', 'envoy-twins', 'envoy-cut-from-gates'],
  'reconnect-storm',
];
const LIMIT = 150;
/** More opens than closes: so the limit is always contested. */
const CLOSES = 0.45;
const BEFORE_MS = 5_000;
/** The crowd remembers for so long who has left: longer than any slot is kept. */
const REMEMBER_MS = 60_000;
/**
 * On a machine that is too slow for the churn, Envoys give up Checks, and the count takes longer to be right again. How
 * long it may take on a machine that is fast enough, `npm run faults` judges.
 */
const TRUTH_MS = LOST_END_MS + 5_000;
const GROWTH_MAX = { heapMibPerHour: 10, residentMibPerHour: 60, resources: 10 };
/** Growth below this is ignored: tables still find their size, and a short run exaggerates it. */
const GROWTH_MIN = { heapMib: 1.5, residentMib: 10 };

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly rate: number;
}

async function main(args: string[]): Promise<number> {
  const given = parse(args, {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '10000' },
  });
  const [minutes, rate] = [positive('--minutes', given.minutes), positive('--rate', given.rate)];
  const seed = wholeNumber('--seed', given.seed);
  print(`seed ${seed}, ${minutes} min`);
  const env = { ...ASKABLE, WSGATE_LOG_LEVEL: 'warn' };
  const stage = await Stage.start({ redisWires: true, gateWiresOf: 0, policy: 'deny', seed, limit: LIMIT, env });
  try {
    const samples = await Samples.of(stage.fleet.gateAt(0));
    const { minutes: lasted, tried, done, broken } = await soak(stage, { minutes, seed, rate });
    await stage.crowd.answered();
    const growth = await samples.stop();
    const left = await stage.empty(TRUTH_MS);
    print(`
opens and closes a minute     ${(tried / lasted).toFixed(0)} of ${rate}; ${(done / lasted).toFixed(0)} without those that were refused
in the end                    ${left} slots taken, of ${stage.crowd.admitted} that were given out
over the limit, most          ${stage.witness.overMax}
live connections cut          ${stage.cut}
${told(growth)}`);
    const strange = strangeLines(stage.fleet.started);
    broken.push(
      ...(left > 0 ? [`${left} slots leaked`] : []),
      ...(stage.cut > 0 ? [`${stage.cut} live connections cut`] : []),
      ...grown(growth),
      ...strange,
      ...stage.fleet.accidents,
    );
    for (const each of broken) console.error(`BROKEN: ${each}`);
    return broken.length === 0 ? print('holds') : 1;
  } finally {
    await stage.stop();
  }
}

interface Soaked {
  readonly minutes: number;
  /** Opens and closes. */
  readonly tried: number;
  readonly done: number;
  /** What did not hold after a fault. */
  readonly broken: string[];
}

async function soak(stage: Stage, { minutes, seed, rate }: Options): Promise<Soaked> {
  const random = new Random(`${seed} soak`);
  const faults = FAULTS.filter(({ name }) => NAMES.includes(name));
  const churn = { each: (rate * STEP_MS) / 60_000, closes: CLOSES };
  const before = stage.crowd.turnover;
  const broken: string[] = [];
  let tried = 0;
  let over = 0;
  const beganMs = performance.now();
  while (performance.now() < beganMs + minutes * 60_000) {
    const fault = random.oneOf(faults);
    print(`${seconds(performance.now() - beganMs).padStart(9)} ${fault.name}`);
    const stalledBeforeMs = stalledMs();
    const { settleMs } = fault.bounds;
    const actions = fault.actions(random);
    const steps = planOf({ actions, churn, beforeMs: BEFORE_MS, afterMs: settleMs / 2 }, random);
    const { overMs } = await perform(stage, steps, { say: () => {} });
    tried += steps.reduce((sum, step) => sum + step.churn.length, 0);
    const { witness, crowd } = stage;
    const isTruth = () => witness.latest.kept + witness.latest.uncounted === 0;
    await until('the count is the truth', isTruth, Math.max(0, overMs + settleMs - machineNow()) + TRUTH_MS).catch(() =>
      broken.push(`after ${fault.name}: ${witness.latest.kept} too many, ${witness.latest.uncounted} missing`),
    );
    if (witness.overMax > over) {
      over = witness.overMax;
      broken.push(
        `${over} over the limit in ${fault.name}, in which the machine stalled for ${seconds(stalledMs() - stalledBeforeMs)}`,
      );
    }
    crowd.forget(machineNow() - REMEMBER_MS);
  }
  const done = stage.crowd.turnover - before;
  return { minutes: (performance.now() - beganMs) / 60_000, tried, done, broken };
}

function told({ samples, heapMib, heap, residentMib, resident, resources, resourcesMore }: Growth): string {
  if (samples === 0)
    return `heap of gate 1                ${heapMib.toFixed(1)} MiB; too short a run to tell of growth`;
  const slope = ({ perHour, error }: Growth['heap']) => `${perHour.toFixed(1)} ± ${(2 * error).toFixed(1)} MiB an hour`;
  return `heap of gate 1                ${heapMib.toFixed(1)} MiB, growing by ${slope(heap)} (${samples} samples)
resident                      ${residentMib.toFixed(0)} MiB, growing by ${slope(resident)}
timers, sockets and the like  ${resources}, ${resourcesMore} more than in the beginning`;
}

/** What grew for certain, by the error of the measurement. */
function grown({ hours, heap, resident, resourcesMore }: Growth): string[] {
  const { heapMibPerHour, residentMibPerHour, resources } = GROWTH_MAX;
  const isMore = ({ perHour, error }: Growth['heap'], max: number, minMib: number) => {
    const surely = perHour - 2 * error;
    return surely > max && surely * hours > minMib;
  };
  return [
    isMore(heap, heapMibPerHour, GROWTH_MIN.heapMib) && `the heap grows by more than ${heapMibPerHour} MiB/h`,
    isMore(resident, residentMibPerHour, GROWTH_MIN.residentMib) &&
      `what is resident grows by more than ${residentMibPerHour} MiB/h`,
    resourcesMore > resources && `${resourcesMore} timers or sockets more`,
  ].filter((text) => typeof text === 'string');
}

await command(USAGE, main);
