/** `npm run bench`: what a gate costs, measured. */

import { BadArguments, command, namesIn, parse, print, reportTests } from '../lab/command.ts';
import { accessLog } from './access-log.ts';
import { acceptBaseline, worseThanBaseline } from './baseline.ts';
import type { Benchmark } from './benchmark.ts';
import { check } from './check.ts';
import { cores } from './cores.ts';
import { envoy } from './envoy.ts';
import { type Figure, isMet } from './figure.ts';
import { growth } from './growth.ts';
import { held } from './held.ts';
import { hold } from './hold.ts';
import { hub } from './hub.ts';
import { place } from './place.ts';
import { type Finding, machine, tablesOf, writeFigures } from './report.ts';
import { size } from './size.ts';
import { snapshot } from './snapshot.ts';
import { Stand } from './stand.ts';

const USAGE = `Measures what a gate costs, as ratios to floors of the same run on the same machine.

  npm run bench                       all benchmarks
  npm run bench -- --only NAME,NAME   some of them; --list tells their names
  npm run bench -- --short            smaller loads: compares the ratios with those of bench/baseline.json

  --accept       with --short: write what is found into that file, for later runs to be compared with
  --write FILE   also write the table into a document
  --json         print the figures as JSON, every sample of them, instead of a table
  --list
  --help

Nothing else should be busy on the machine meanwhile. It needs Linux, h2load (Debian: nghttp2-client) and redis-server.

Exit code: 0; 1 when a target is missed, or with --short when a ratio is worse than its baseline by more than its noise;
2 for a command line that makes no sense.
`;

const BENCHMARKS: readonly Benchmark[] = [
  check,
  hold,
  held,
  envoy,
  accessLog,
  size,
  snapshot,
  hub,
  growth,
  place,
  cores,
];

const begunMs = performance.now();
let retries = 0;

async function main(args: string[]): Promise<number> {
  const { short, accept, write, json, list, ...given } = parse(args, {
    only: { type: 'string' },
    short: { type: 'boolean', default: false },
    accept: { type: 'boolean', default: false },
    write: { type: 'string' },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  });
  if (list) return print(BENCHMARKS.map(({ name, what }) => `${name.padEnd(12)} ${what}`).join('\n'));
  const names = BENCHMARKS.map(({ name }) => name);
  const only = namesIn('--only', given.only, names);
  if (accept && !short) throw new BadArguments('--accept is for --short: the baseline is of short runs');
  const isAsked = ({ name, inShort }: Benchmark) => (only ? only.includes(name) : inShort || !short);
  const findings: Finding[] = [];
  for (const benchmark of BENCHMARKS.filter(isAsked)) {
    const { name, what } = benchmark;
    const run = () => runOnce(benchmark, short);
    findings.push({ benchmark: name, what, figures: short && !accept ? await twiceIfWorse(run) : await run() });
  }
  print(json ? JSON.stringify({ machine: machine(), findings }, undefined, 2) : tablesOf(findings));
  if (write !== undefined) writeFigures(write, findings, ['npm run bench --', ...args].join(' '));
  const figures = findings.flatMap((finding) => finding.figures);
  if (accept) acceptBaseline(figures, { all: only === undefined });
  const wrong = short ? worseThanBaseline(figures) : figures.filter((each) => isMet(each) === false).map(missed);
  for (const each of wrong) console.error(each);
  const failed = wrong.length > 0 ? 1 : 0;
  say(`${figures.length} figures, ${failed ? `${wrong.length} not` : 'all'} as they should be`);
  reportTests({ passed: 1 - failed, failed, retries });
  return failed;
}

/** Only what is worse than the baseline twice counts: a shared machine is slow at times. */
async function twiceIfWorse(run: () => Promise<Figure[]>): Promise<Figure[]> {
  const figures = await run();
  const worse = worseThanBaseline(figures);
  if (worse.length === 0) return figures;
  for (const each of worse) say(`  ${each}: once more`);
  retries += 1;
  return run();
}

function runOnce({ name, what, run }: Benchmark, short: boolean): Promise<Figure[]> {
  say(`${name}: ${what}`);
  return Stand.during((stand) => run({ stand, length: short ? 'short' : 'full', say: (text) => say(`  ${text}`) }));
}

function missed({ name }: Figure): string {
  return `missed: ${name}`;
}

function say(text: string): void {
  console.error(`${((performance.now() - begunMs) / 1000).toFixed(0).padStart(4)} s  ${text}`);
}

await command(USAGE, main);
