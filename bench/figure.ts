/** What a benchmark finds: figures with one sample a round, some against a floor that the same rounds measured. */

import { exponent, median, spread } from './statistics.ts';

export interface Figure {
  readonly name: string;
  readonly unit: 'µs' | 'ms' | 's' | '/s' | 'MiB' | 'B' | '×' | 'exponent';
  readonly samples: readonly number[];
  readonly floor?: { readonly name: string; readonly samples: readonly number[] };
  /** A percentile so high that a few disturbances decide it: not compared with earlier runs. */
  readonly isTail?: true;
  /** Of the median, or of the median ratio to the floor. */
  readonly atMost?: { readonly value: number } | { readonly ratio: number };
}

/** One value of each round. */
export function valuesOf<Sample, Key extends keyof Sample>(rounds: readonly Sample[] = [], key: Key): Sample[Key][] {
  return rounds.map((sample) => sample[key]);
}

/** Round by round; undefined without a floor. */
export function ratios({ samples, floor, unit }: Figure): number[] | undefined {
  if (unit === '×') return [...samples];
  return floor && samples.map((sample, round) => sample / (floor.samples[round] ?? Number.NaN));
}

/** Undefined when there is no target. */
export function isMet(figure: Figure): boolean | undefined {
  const { atMost, samples } = figure;
  if (atMost === undefined) return undefined;
  if ('value' in atMost) return median(samples) <= atMost.value;
  return median(ratios(figure) ?? []) <= atMost.ratio;
}

/** How a cost grows with its input: nothing for one size only. `costs` has the samples at each of the sizes. */
export function growth(
  name: string,
  sizes: readonly number[],
  costs: readonly (readonly number[])[],
  atMost: number,
): Figure[] {
  if (sizes.length < 2) return [];
  const rounds = costs[0] ?? [];
  const samples = rounds.map((_, round) =>
    exponent(sizes.map((size, i) => ({ size, cost: costs[i]?.[round] ?? Number.NaN }))),
  );
  return [{ name, unit: 'exponent', samples, atMost: { value: atMost } }];
}

export interface Summary {
  readonly median: number;
  readonly spread: number;
}

export function summary(samples: readonly number[]): Summary {
  return { median: median(samples), spread: spread(samples) };
}
