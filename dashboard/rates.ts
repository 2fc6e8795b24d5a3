/** Admitted and denied connections a second, as the page has heard of them. */

import type { Snapshot } from '../src/hub/protocol.ts';

/** What the chart shows. */
export const RATES_SPAN_S = 600;

export interface RatePoint {
  /** Seconds since the epoch, by the browser's clock. */
  readonly atS: number;
  readonly admitted: number;
  readonly denied: number;
}

/** With one more, and without those that are too old to be shown. */
export function withRates(points: readonly RatePoint[], { rates }: Snapshot, nowMs: number): readonly RatePoint[] {
  const atS = nowMs / 1000;
  const { admitted, denied } = rates;
  return [...points.filter((point) => point.atS >= atS - RATES_SPAN_S), { atS, admitted, denied }];
}
