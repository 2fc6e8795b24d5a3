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

/** Those that settle at once when all is well. */
const SHORT = ['redis-restart-empty', 'envoy-sigterm', 'reconnect-storm'];

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

async function run(fault: Fault, options: FaultOptions): Promise<Result> {
  const startedMs = performance.now();
  const say = (text: string) => void print(`${clock()}   ${text}`);
  print(`${clock()} ${fault.name}: ${fault.what}`);
  const result = await runFault(fault, { ...options, say });
  const { broken, deeds, digest, admitted, refused } = result;
  say(
    `did ${deeds} things, digest ${digest}; ${admitted} admitted, refused ${refused}; ${seconds(performance.now() - startedMs)}`,
  );
  say(broken.length === 0 ? 'holds' : `BROKEN: ${broken.join('; ')}`);
  return result;
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
