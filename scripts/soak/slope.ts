/** A line through measurements, by least squares. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** What y grows by when x grows by one. */
export function slopeOf(points: readonly Point[]): number {
  const n = points.length;
  const mean = (of: (point: Point) => number) => points.reduce((sum, point) => sum + of(point), 0) / n;
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
  const spread = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
  return points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) / spread;
}
