/**
 * The time that the machine has given to its programs. Shared machines stall, some for seconds: a deadline by the wall
 * clock then says something of the machine, not of what is waited for. So deadlines and bounds go by this clock.
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const TICK_MS = 10;
/** An idle thread wakes this late on any machine. */
const USUAL_MS = 2;

/** Ticks in a thread of its own, so that this program's own work makes none late. */
const TICKS = `
  const { parentPort, workerData: { shared, dueMs } } = require('node:worker_threads');
  const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
  const seen = new Float64Array(shared);
  seen[1] = nowMs();
  parentPort.postMessage('it ticks');
  setInterval(() => {
    const ms = nowMs();
    seen[0] += Math.max(0, ms - seen[1] - dueMs);
    seen[1] = ms;
  }, ${TICK_MS});
`;

/** How late all ticks were together, and when the last one was. */
const seen = new Float64Array(new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT));
const dueMs = TICK_MS + USUAL_MS;
const workerData = { shared: seen.buffer, dueMs };
const ticker = new Worker(TICKS, { eval: true, execArgv: [], workerData });
await once(ticker, 'message');
ticker.unref();

/** Milliseconds since some moment, less those in which not even an idle thread was let run. Never goes back. */
export function machineNow(): number {
  const nowMs = monotonicMs();
  return nowMs - stalledUntil(nowMs);
}

/** Milliseconds that the machine has stalled since this was loaded. */
export function stalledMs(): number {
  return stalledUntil(monotonicMs());
}

function stalledUntil(nowMs: number): number {
  const [lateMs = 0, lastTickMs = 0] = seen;
  return lateMs + Math.max(0, nowMs - lastTickMs - dueMs);
}

/** The same in every thread, unlike `performance.now()`. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
