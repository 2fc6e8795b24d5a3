/** The idle thread of `machine-time.ts`: ticks in a thread of its own, so that the program's own work makes none late. */

import { availableParallelism } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { ownCpuMs } from './own-cpu.ts';
import { Stall } from './stall.ts';

export interface TickerData {
  /** Two numbers that it keeps: how long the machine has stalled, ms, and when the last tick was. */
  readonly seen: Float64Array<SharedArrayBuffer>;
  readonly tickMs: number;
  /** A tick that comes after so long is not late. */
  readonly dueMs: number;
}

/** How often the processor time of our own programs is read. */
const SETTLE_MS = 100;

const { seen, tickMs, dueMs } = workerData as TickerData;
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
const stall = new Stall(availableParallelism());
let settled = { atMs: nowMs(), cpuMs: ownCpuMs() ?? 0 };

seen[1] = nowMs();
parentPort?.postMessage('it ticks');
setInterval(() => {
  const ms = nowMs();
  stall.late(Math.max(0, ms - (seen[1] ?? ms) - dueMs));
  if (ms - settled.atMs >= SETTLE_MS) {
    const now = { atMs: ms, cpuMs: ownCpuMs() ?? 0 };
    stall.settle(now.atMs - settled.atMs, Math.max(0, now.cpuMs - settled.cpuMs));
    settled = now;
  }
  seen[0] = stall.ms;
  seen[1] = nowMs(); // to look took time, which is no lateness
}, tickMs);
