/** `npm run faults`: breaks a fleet in every way that is known, and says what held. */

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { envoyFaults } from './faults/envoy-faults.ts';
import type { Fault } from './faults/fault.ts';
import { gateFaults } from './faults/gate-faults.ts';
import { loadFaults } from './faults/load-faults.ts';
import { BadArguments, type FaultOptions, parseFaultOptions, USAGE } from './faults/options.ts';
import { digestOf as planDigest, planOf } from './faults/plan.ts';
import { redisFaults } from './faults/redis-faults.ts';
import { documentOf, tableOf } from './faults/report.ts';
import { type Result, runFault, seconds } from './faults/run.ts';
import { WRITTEN_SCALE } from './faults/scale.ts';

const FAULTS: readonly Fault[] = [...gateFaults, ...redisFaults, ...envoyFaults, ...loadFaults];
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
  const digest = digestOf(faults, options);
  print(`seed ${options.seed}, plan ${digest}, outage.policy ${options.policy}\nscale: ${WRITTEN_SCALE}\n`);
  const results: Result[] = [];
  for (const fault of faults) results.push(await run(fault, options));
  print(`\n${tableOf(results)}\n`);
  if (options.write !== undefined) {
    const command = ['npm run faults', ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
    mkdirSync(dirname(options.write), { recursive: true });
    writeFileSync(options.write, documentOf(results, { command, digest, ...options }));
  }
  const broken = results.filter((result) => result.broken.length > 0).length;
  print(`${results.length - broken} of ${results.length} hold, in ${seconds(performance.now() - begunMs)}`);
  return broken === 0 ? 0 : 1;
}

async function run(fault: Fault, options: FaultOptions): Promise<Result> {
  const startedMs = performance.now();
  const say = (text: string) => void print(`${clock()}   ${text}`);
  print(`${clock()} ${fault.name}: ${fault.what}`);
  const result = await runFault(fault, { ...options, say });
  const { broken, digest, admitted, refused } = result;
  say(`did ${digest}; ${admitted} admitted, refused ${refused}; ${seconds(performance.now() - startedMs)}`);
  say(broken.length === 0 ? 'holds' : `BROKEN: ${broken.join('; ')}`);
  return result;
}

function digestOf(faults: readonly Fault[], { seed, length }: FaultOptions): string {
  const digests = faults.map((fault) => planDigest(planOf(fault, seed, length)));
  return createHash('sha256').update(digests.join()).digest('hex').slice(0, 12);
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
