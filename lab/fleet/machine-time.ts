/**
 * The time that the machine has given to its programs. Shared machines stall, some for seconds: a deadline by the wall
 * clock then says something of the machine, not of what is waited for. So deadlines and bounds go by this clock. A
 * machine that this process and its children keep busy themselves does not stall (`stall.ts`). Where a system does not
 * tell who is busy (macOS), nothing counts as a stall.
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { ownCpuMs } from './own-cpu.ts';
import type { TickerData } from './ticker.ts';

const TICK_MS = 10;
/** An idle thread wakes this late on any machine. */
const USUAL_MS = 2;

/** How long the machine has stalled, and when the last tick was. */
const seen = new Float64Array(new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT));
const dueMs = ownCpuMs() === undefined ? Number.POSITIVE_INFINITY : TICK_MS + USUAL_MS;
const workerData: TickerData = { seen, tickMs: TICK_MS, dueMs };
const ticker = new Worker(new URL('./ticker.ts', import.meta.url), { execArgv: [], workerData });
await once(ticker, 'message');
ticker.unref();

let latestMs = Number.NEGATIVE_INFINITY;

/** Milliseconds since some moment, less those in which the machine stalled. Never goes back. */
export function machineNow(): number {
  const nowMs = monotonicMs();
  latestMs = Math.max(latestMs, nowMs - stalledUntil(nowMs));
  return latestMs;
}

/** Milliseconds that the machine has stalled since this was loaded. What was late just now may yet turn out to be no stall. */
export function stalledMs(): number {
  return stalledUntil(monotonicMs());
}

function stalledUntil(nowMs: number): number {
  const [stalled = 0, lastTickMs = 0] = seen;
  return stalled + Math.max(0, nowMs - lastTickMs - dueMs);
}

/** The same in every thread, unlike `performance.now()`. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
