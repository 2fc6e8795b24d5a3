/**
 * Compares the ratios of a short run with those of earlier ones in baseline.json. Ratios can be compared across machines,
 * figures cannot. Both sides have noise, the spread of their rounds; a ratio is worse when noise does not explain it.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { type Figure, ratios, type Summary, summary } from './figure.ts';
import { number } from './report.ts';

const FILE = new URL('./baseline.json', import.meta.url);
/** A difference of so many spreads is noise. */
const SPREADS = 3;
/**
 * Tolerated beside the noise, as a part of the baseline's median: rounds of one run agree more than runs and machines do.
 * Times depend on what else the machine does; processor time and memory hardly do.
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

/** Only of figures that are better when they are less. */
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
