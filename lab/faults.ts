/** `npm run faults`: breaks a fleet in every way that the lists in faults/ know, and says what held. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { command, print, reportTests } from './command.ts';
import { DOOR_NAMES } from './faults/doors.ts';
import type { Fault } from './faults/fault.ts';
import { FAULTS } from './faults/list.ts';
import { type FaultOptions, parseFaultOptions, USAGE } from './faults/options.ts';
import { digestOf } from './faults/perform.ts';
import { documentOf, forgottenIn, shortTableOf } from './faults/report.ts';
import { type Result, runFault } from './faults/run.ts';
import { WRITTEN_SCALE } from './faults/scale.ts';
import { type Trial, trialsOf } from './faults/trials.ts';
import { seconds } from './faults/verdict.ts';
import { stalledMs } from './fleet/machine-time.ts';

/** Faults after which the count settles at once when all is well. */
const SHORT = ['redis-restart-empty', 'envoy-sigterm', 'reconnect-storm'];

/** A fault that breaks a bound is repeated if the machine stalled for this part of its time: the stall may be why. */
const STALLED_PART = 0.02;
const AGAIN_MAX = 2;

const begunMs = performance.now();
let retries = 0;

async function main(args: string[]): Promise<number> {
  const options = parseFaultOptions(
    args,
    FAULTS.map(({ name }) => name),
  );
  if (options.list) return print(FAULTS.map(listed).join('\n'));
  const names = options.only ?? (options.length === 'short' ? SHORT : undefined);
  print(`seed ${options.seed}\nscale: ${WRITTEN_SCALE}\n`);
  const chosen = trialsOf(FAULTS, { policies: options.policy, doors: options.doors, names });
  const trials = chosen.filter(canRun);
  const results = await runAll(trials, options);
  const digest = digestOf(results.map((each) => each.digest));
  print(`\n${shortTableOf(results)}\n`);
  if (options.write !== undefined) {
    const command = ['npm run faults', ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
    mkdirSync(dirname(options.write), { recursive: true });
    writeFileSync(options.write, documentOf(results, { command, digest, seed: options.seed }));
  }
  const failed = results.filter((result) => result.broken.length > 0).length;
  const passed = results.length - failed;
  reportTests({ passed, failed, skipped: chosen.length - trials.length, retries });
  print(`${passed} of ${results.length} hold; digest ${digest}; ${seconds(performance.now() - begunMs)}`);
  return failed === 0 ? 0 : 1;
}

function listed({ name, what, notThrough = {} }: Fault): string {
  const not = DOOR_NAMES.flatMap((door) => (notThrough[door] ? `; not through ${door}: ${notThrough[door]}` : []));
  return `${name.padEnd(28)} ${what}${not.join('')}`;
}

function canRun({ fault }: Trial): boolean {
  const lacks = fault.lacks?.();
  if (lacks !== undefined) print(`${fault.name}: skipped, because it needs ${lacks}`);
  return lacks === undefined;
}

/** Their results in the same order. */
async function runAll(trials: readonly Trial[], options: FaultOptions): Promise<Result[]> {
  const results = new Map<Trial, Result>();
  const waiting = trials.values();
  const runner = async () => {
    for (const trial of waiting) results.set(trial, await run(trial, options));
  };
  await Promise.all(Array.from({ length: options.atOnce }, runner));
  return trials.flatMap((trial) => results.get(trial) ?? []);
}

async function run(trial: Trial, options: FaultOptions, again = AGAIN_MAX): Promise<Result> {
  const { fault, policy, door } = trial;
  const startedMs = performance.now();
  const name = options.atOnce > 1 ? `${fault.name}, ${door}: ` : '';
  const say = (text: string) => void print(`${clock()}   ${name}${text}`);
  print(`${clock()} ${fault.name}, door ${door}, ${policy}: ${fault.what}`);
  const stalledBeforeMs = stalledMs();
  const result = await runFault(fault, { ...options, policy, door, say });
  const { broken, deeds, digest, admitted, refused } = result;
  const stalled = stalledMs() - stalledBeforeMs;
  const lastedMs = performance.now() - startedMs;
  say(`did ${deeds} things, digest ${digest}; ${admitted} admitted, refused ${refused}; ${seconds(lastedMs)}`);
  if (result.forgotten.most > 0) say(`nobody can speak of some connections: ${forgottenIn(result)}`);
  if (broken.length === 0) say('holds');
  else say(`BROKEN: ${broken.join('; ')}`);
  if (broken.length === 0 || stalled < STALLED_PART * lastedMs || again === 0) return result;
  say(`but the machine stalled for ${seconds(stalled)} meanwhile, which is a fault of its own: once more`);
  retries += 1;
  return run(trial, options, again - 1);
}

function clock(): string {
  return `${((performance.now() - begunMs) / 1000).toFixed(1).padStart(6)} s`;
}

await command(USAGE, main);
