/**
 * Ratios of earlier short runs, and whether those of this one are worse. A ratio travels from machine to machine as no
 * figure does; still it has noise, on both sides: the spread of its rounds. Worse is what no such noise explains.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { type Figure, ratios, type Summary, summary } from './figure.ts';
import { number } from './report.ts';

const FILE = new URL('./baseline.json', import.meta.url);
/** So many spreads are noise. */
const SPREADS = 3;
/**
 * Of the baseline's median: the rounds of one run agree more than runs do, and machines differ. How long something takes
 * hangs on what else the machine does; what it takes of processors and memory hardly does.
 */
const MARGIN = { time: 1.5, other: 0.35 };

type Baseline = Readonly<Record<string, Summary>>;

/** One sentence for each ratio that is worse. */
export function worseThanBaseline(figures: readonly Figure[]): string[] {
  const baseline = JSON.parse(readFileSync(FILE, 'utf8')) as Baseline;
  const times = new Set(figures.filter(({ unit }) => unit === 'ms' || unit === 's').map(({ name }) => name));
  return Object.entries(ratiosOf(figures)).flatMap(([name, now]) => {
    const before = baseline[name];
    if (before === undefined) return `${name}: not in the baseline; --accept puts it there`;
    const margin = times.has(name) ? MARGIN.time : MARGIN.other;
    const most = before.median * (1 + margin) + SPREADS * Math.hypot(before.spread, now.spread);
    return now.median > most
      ? `${name}: ${number(now.median)} × its floor, was ${number(before.median)}, and noise explains ${number(most)} at most`
      : [];
  });
}

/** Makes these ratios the baseline; those of benchmarks that were not run stay. */
export function acceptBaseline(figures: readonly Figure[], { all }: { all: boolean }): void {
  const kept = all ? {} : (JSON.parse(readFileSync(FILE, 'utf8')) as Baseline);
  writeFileSync(FILE, `${JSON.stringify({ ...kept, ...ratiosOf(figures) }, undefined, 2)}\n`);
}

/** Of what is better when it is less. */
function ratiosOf(figures: readonly Figure[]): Baseline {
  const compared = figures.filter(({ unit, isTail }) => unit !== '/s' && !isTail);
  return Object.fromEntries(
    compared.flatMap((figure) => {
      const samples = ratios(figure);
      return samples ? [[figure.name, rounded(summary(samples))]] : [];
    }),
  );
}

function rounded({ median, spread }: Summary): Summary {
  return { median: Number(median.toPrecision(4)), spread: Number(spread.toPrecision(3)) };
}
