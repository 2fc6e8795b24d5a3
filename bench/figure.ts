/** What a benchmark finds: figures with one sample a round, some against a floor that the same rounds measured. */

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

export const median = (samples: readonly number[]): number => percentile(samples, 50);

/** With linear interpolation between the two samples next to it. NaN of no samples. */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const place = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - Math.floor(place));
}

/** From the lower quartile to the upper one. */
function spread(samples: readonly number[]): number {
  return percentile(samples, 75) - percentile(samples, 25);
}

/** The k of the power law cost = c · size^k that fits best: 0 for a constant cost, 1 for a proportional one. */
function exponent(points: readonly { readonly size: number; readonly cost: number }[]): number {
  const logs = points.map(({ size, cost }) => ({ x: Math.log(size), y: Math.log(cost) }));
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const meanX = mean(logs.map(({ x }) => x));
  const meanY = mean(logs.map(({ y }) => y));
  const covariance = mean(logs.map(({ x, y }) => (x - meanX) * (y - meanY)));
  return covariance / mean(logs.map(({ x }) => (x - meanX) ** 2));
}
