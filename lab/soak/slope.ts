/** How fast something grows: a line through measurements, by least squares. */

export interface Point {
  readonly atMs: number;
  readonly value: number;
}

export interface Slope {
  readonly perHour: number;
  /** The slope's standard error: the true one is hardly further away than twice that. Infinite for less than 3 points. */
  readonly error: number;
}

const HOUR_MS = 3_600_000;

export function slopeOf(points: readonly Point[]): Slope {
  const count = points.length;
  if (count < 3) return { perHour: 0, error: Number.POSITIVE_INFINITY };
  const mean = (of: (point: Point) => number) => points.reduce((sum, point) => sum + of(point), 0) / count;
  const meanX = mean(({ atMs }) => atMs / HOUR_MS);
  const meanY = mean(({ value }) => value);
  const spread = mean(({ atMs }) => (atMs / HOUR_MS - meanX) ** 2);
  const perHour = mean(({ atMs, value }) => (atMs / HOUR_MS - meanX) * (value - meanY)) / spread;
  const rest = mean(({ atMs, value }) => (value - meanY - perHour * (atMs / HOUR_MS - meanX)) ** 2);
  return { perHour, error: Math.sqrt(rest / spread / (count - 2)) };
}
