/** `npm run faults`: breaks a fleet in every way that is known, and says what held. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { FAULTS } from './faults/list.ts';
import { BadArguments, type FaultOptions, parseFaultOptions, USAGE } from './faults/options.ts';
import { digestOf } from './faults/perform.ts';
import { documentOf, shortTableOf } from './faults/report.ts';
import { type Result, runFault } from './faults/run.ts';
import { WRITTEN_SCALE } from './faults/scale.ts';
import { type Trial, trialsOf } from './faults/trials.ts';
import { seconds } from './faults/verdict.ts';
import { stalledMs } from './fleet/machine-time.ts';

/** Those that settle at once when all is well. */
const SHORT = ['redis-restart-empty', 'envoy-sigterm', 'reconnect-storm'];

/** Of its time: a gate whose machine stalls for so much may well have given up Redis, though Redis was there. */
const STALLED_PART = 0.02;
const AGAIN_MAX = 2;

const begunMs = performance.now();
let retries = 0;

async function main(args: readonly string[]): Promise<number> {
  const options = parseFaultOptions(
    args,
    FAULTS.map(({ name }) => name),
  );
  if (options === 'help') return print(USAGE);
  if (options === 'list') return print(FAULTS.map(({ name, what }) => `${name.padEnd(28)} ${what}`).join('\n'));
  const names = options.only ?? (options.length === 'short' ? SHORT : undefined);
  print(`seed ${options.seed}\nscale: ${WRITTEN_SCALE}\n`);
  const chosen = trialsOf(FAULTS, options.policy, names);
  const trials = chosen.filter(canRun);
  const results = await runAll(trials, options);
  const digest = digestOf(results.map((each) => each.digest));
  print(`\n${shortTableOf(results)}\n`);
  if (options.write !== undefined) {
    const command = ['npm run faults', ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
    mkdirSync(dirname(options.write), { recursive: true });
    writeFileSync(options.write, documentOf(results, { command, digest, seed: options.seed }));
  }
  const broken = results.filter((result) => result.broken.length > 0).length;
  report({ passed: results.length - broken, failed: broken, skipped: chosen.length - trials.length });
  print(
    `${results.length - broken} of ${results.length} hold; digest ${digest}; ${seconds(performance.now() - begunMs)}`,
  );
  return broken === 0 ? 0 : 1;
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
  const { fault, policy } = trial;
  const startedMs = performance.now();
  const name = options.atOnce > 1 ? `${fault.name}: ` : '';
  const say = (text: string) => void print(`${clock()}   ${name}${text}`);
  print(`${clock()} ${fault.name}, ${policy}: ${fault.what}`);
  const stalledBeforeMs = stalledMs();
  const result = await runFault(fault, { ...options, policy, say });
  const { broken, deeds, digest, admitted, refused } = result;
  const stalled = stalledMs() - stalledBeforeMs;
  const lastedMs = performance.now() - startedMs;
  say(`did ${deeds} things, digest ${digest}; ${admitted} admitted, refused ${refused}; ${seconds(lastedMs)}`);
  if (broken.length === 0) say('holds');
  else say(`BROKEN: ${broken.join('; ')}`);
  if (broken.length === 0 || stalled < STALLED_PART * lastedMs || again === 0) return result;
  say(`but the machine stalled for ${seconds(stalled)} meanwhile, which is a fault of its own: once more`);
  retries += 1;
  return run(trial, options, again - 1);
}

/** For `.ci/run`. */
function report({ passed, failed, skipped }: { passed: number; failed: number; skipped: number }): void {
  const file = process.env.WSGATE_TEST_REPORT;
  if (!file) return;
  const counts = { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numRetries: retries };
  writeFileSync(file, JSON.stringify(counts));
}

function clock(): string {
  return `${((performance.now() - begunMs) / 1000).toFixed(1).padStart(6)} s`;
}

function print(text: string): number {
  console.log(text);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof BadArguments ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = error instanceof BadArguments ? 2 : 1;
}
