/** `npm run faults`: breaks a fleet in every way that is known, and says what held. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Fault } from './faults/fault.ts';
import { FAULTS } from './faults/list.ts';
import { BadArguments, type FaultOptions, parseFaultOptions, USAGE } from './faults/options.ts';
import { digestOf } from './faults/perform.ts';
import { documentOf, tableOf } from './faults/report.ts';
import { type Result, runFault } from './faults/run.ts';
import { WRITTEN_SCALE } from './faults/scale.ts';
import { seconds } from './faults/verdict.ts';
import { stalledMs } from './fleet/machine-time.ts';

/** Those that settle at once when all is well. */
const SHORT = ['redis-restart-empty', 'envoy-sigterm', 'reconnect-storm'];

/** A gate whose machine stalls for so long in all may well have given up Redis, though Redis was there. */
const STALLED_MS = 500;
const AGAIN_MAX = 2;

const begunMs = performance.now();

async function main(args: readonly string[]): Promise<number> {
  const options = parseFaultOptions(
    args,
    FAULTS.map(({ name }) => name),
  );
  if (options === 'help') return print(USAGE);
  if (options === 'list') return print(FAULTS.map(({ name, what }) => `${name.padEnd(22)} ${what}`).join('\n'));
  const names = options.only ?? (options.length === 'short' ? SHORT : undefined);
  const faults = FAULTS.filter(({ name }) => names === undefined || names.includes(name));
  print(`seed ${options.seed}, outage.policy ${options.policy}\nscale: ${WRITTEN_SCALE}\n`);
  const results: Result[] = [];
  for (const fault of faults) results.push(await run(fault, options));
  const digest = digestOf(results.map((each) => each.digest));
  print(`\n${tableOf(results)}\n`);
  if (options.write !== undefined) {
    const command = ['npm run faults', ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
    mkdirSync(dirname(options.write), { recursive: true });
    writeFileSync(options.write, documentOf(results, { command, digest, ...options }));
  }
  const broken = results.filter((result) => result.broken.length > 0).length;
  print(
    `${results.length - broken} of ${results.length} hold; digest ${digest}; ${seconds(performance.now() - begunMs)}`,
  );
  return broken === 0 ? 0 : 1;
}

async function run(fault: Fault, options: FaultOptions, again = AGAIN_MAX): Promise<Result> {
  const startedMs = performance.now();
  const say = (text: string) => void print(`${clock()}   ${text}`);
  print(`${clock()} ${fault.name}: ${fault.what}`);
  const stalledBeforeMs = stalledMs();
  const result = await runFault(fault, { ...options, say });
  const { broken, deeds, digest, admitted, refused } = result;
  const stalled = stalledMs() - stalledBeforeMs;
  say(
    `did ${deeds} things, digest ${digest}; ${admitted} admitted, refused ${refused}; ${seconds(performance.now() - startedMs)}`,
  );
  if (broken.length === 0) say('holds');
  else say(`BROKEN: ${broken.join('; ')}`);
  if (broken.length === 0 || stalled < STALLED_MS || again === 0) return result;
  say(`but the machine stalled for ${seconds(stalled)} meanwhile, which is a fault of its own: once more`);
  return run(fault, options, again - 1);
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
