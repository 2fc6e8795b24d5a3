/** `npm run bench`: what a gate costs, measured. */

import { writeFileSync } from 'node:fs';
import { accessLog } from './access-log.ts';
import { acceptBaseline, worseThanBaseline } from './baseline.ts';
import type { Benchmark } from './benchmark.ts';
import { check } from './check.ts';
import { cores } from './cores.ts';
import { envoy } from './envoy.ts';
import { type Figure, isMet } from './figure.ts';
import { growth } from './growth.ts';
import { hubBenchmark } from './hub.ts';
import { BadArguments, type BenchOptions, parseBenchOptions, USAGE } from './options.ts';
import { type Finding, machine, tablesOf, writeFigures } from './report.ts';
import { size } from './size.ts';
import { snapshot } from './snapshot.ts';
import { Stand } from './stand.ts';

const BENCHMARKS: readonly Benchmark[] = [check, envoy, accessLog, size, snapshot, hubBenchmark, growth, cores];

const begunMs = performance.now();
let retries = 0;

async function main(args: readonly string[]): Promise<number> {
  const options = parseBenchOptions(
    args,
    BENCHMARKS.map(({ name }) => name),
  );
  if (options === 'help') return print(USAGE);
  if (options === 'list') return print(BENCHMARKS.map(({ name, what }) => `${name.padEnd(12)} ${what}`).join('\n'));
  const findings: Finding[] = [];
  for (const benchmark of BENCHMARKS.filter((each) => isAsked(each, options))) {
    const { name, what } = benchmark;
    findings.push({ benchmark: name, what, figures: await measure(benchmark, options) });
  }
  print(options.json ? JSON.stringify({ machine: machine(), findings }, undefined, 2) : tablesOf(findings));
  if (options.write !== undefined) writeFigures(options.write, findings, ['npm run bench --', ...args].join(' '));
  const figures = findings.flatMap((finding) => finding.figures);
  const wrong = options.length === 'full' ? missed(figures) : worse(figures, options);
  for (const each of wrong) console.error(each);
  say(
    `${figures.length} figures, ${wrong.length === 0 ? 'all as they should be' : `${wrong.length} not as they should be`}`,
  );
  report(wrong.length === 0);
  return wrong.length === 0 ? 0 : 1;
}

/** For `.ci/run`. */
function report(passed: boolean): void {
  const file = process.env.WSGATE_TEST_REPORT;
  if (!file) return;
  const counts = { numPassedTests: passed ? 1 : 0, numFailedTests: passed ? 0 : 1, numRetries: retries };
  writeFileSync(file, JSON.stringify(counts));
}

function isAsked({ name, inShort }: Benchmark, { only, length }: BenchOptions): boolean {
  return only ? only.includes(name) : inShort || length === 'full';
}

/** What is worse than the baseline has to be so twice: a shared machine has its moments. */
async function measure(benchmark: Benchmark, options: BenchOptions): Promise<Figure[]> {
  const figures = await run(benchmark, options);
  if (options.length === 'full' || options.accept) return figures;
  const found = worseThanBaseline(figures);
  if (found.length === 0) return figures;
  for (const each of found) say(`  ${each}: once more`);
  retries += 1;
  return run(benchmark, options);
}

async function run(benchmark: Benchmark, { length }: BenchOptions): Promise<Figure[]> {
  say(`${benchmark.name}: ${benchmark.what}`);
  const stand = new Stand();
  try {
    return await benchmark.run({ stand, length, say: (text) => say(`  ${text}`) });
  } finally {
    await stand.stop();
  }
}

function missed(figures: readonly Figure[]): string[] {
  return figures.filter((figure) => isMet(figure) === false).map(({ name }) => `missed: ${name}`);
}

function worse(figures: readonly Figure[], { accept, only }: BenchOptions): string[] {
  if (!accept) return worseThanBaseline(figures);
  acceptBaseline(figures, { all: only === undefined });
  return [];
}

function say(text: string): void {
  console.error(`${((performance.now() - begunMs) / 1000).toFixed(0).padStart(4)} s  ${text}`);
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
