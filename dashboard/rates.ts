/** Admitted and denied connections a second: what the gate knows of the last hour, and what the page has heard since. */

import type { HistoryBody } from '../src/http/bodies.ts';
import type { Snapshot } from '../src/hub/protocol.ts';

/** What the chart shows. */
export const RATES_SPAN_S = 3600;

export interface RatePoint {
  /** Seconds since the epoch, by the browser's clock. */
  readonly atS: number;
  /** Null where nobody knows. */
  readonly admitted: number | null;
  readonly denied: number | null;
}

/** With one more, and without those that are too old to be shown. */
export function withRates(points: readonly RatePoint[], { rates }: Snapshot, nowMs: number): readonly RatePoint[] {
  const atS = nowMs / 1000;
  const { admitted, denied } = rates;
  return [...points.filter((point) => point.atS >= atS - RATES_SPAN_S), { atS, admitted, denied }];
}

/** The gate's history, and after it those of the page's own points that are newer. */
export function withPast(
  points: readonly RatePoint[],
  { time, stepSeconds, rates }: HistoryBody,
  nowMs: number,
): readonly RatePoint[] {
  // The latest point is at most a step old. If it looks older, or of the future, the two clocks differ.
  const ageS = Math.min(Math.max((nowMs - Date.parse(time)) / 1000, 0), stepSeconds);
  const lastS = nowMs / 1000 - ageS;
  const past = rates.admitted.map((admitted, index) => ({
    atS: lastS - (rates.admitted.length - 1 - index) * stepSeconds,
    admitted,
    denied: rates.denied[index] ?? null,
  }));
  const firstKnown = past.findIndex(({ admitted }) => admitted !== null);
  return [...(firstKnown === -1 ? [] : past.slice(firstKnown)), ...points.filter(({ atS }) => atS > lastS)];
}
