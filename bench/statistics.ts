/** Medians and quartiles of a few rounds, percentiles of many answers, and how a figure grows with its input. */

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
export function spread(samples: readonly number[]): number {
  return percentile(samples, 75) - percentile(samples, 25);
}

/** The k of the power law cost = c · size^k that fits best: 0 for a constant cost, 1 for a proportional one. */
export function exponent(points: readonly { readonly size: number; readonly cost: number }[]): number {
  const logs = points.map(({ size, cost }) => ({ x: Math.log(size), y: Math.log(cost) }));
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const meanX = mean(logs.map(({ x }) => x));
  const meanY = mean(logs.map(({ y }) => y));
  const covariance = mean(logs.map(({ x, y }) => (x - meanX) * (y - meanY)));
  return covariance / mean(logs.map(({ x }) => (x - meanX) ** 2));
}
