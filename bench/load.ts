/** Two ways to load a server from this process: as fast as it answers, or at a steady rate whatever it does. */

import { setTimeout as delay } from 'node:timers/promises';

/** How often calls that are due are begun. */
const TICK_MS = 1;

/** Calls `act` with each item, `atOnce` at a time; resolves with how long each took, in ms. */
export async function closedLoop<T>(
  items: readonly T[],
  atOnce: number,
  act: (item: T) => Promise<unknown>,
): Promise<number[]> {
  const tookMs: number[] = [];
  const left = items.values();
  const worker = async () => {
    for (const item of left) tookMs.push(await timeOf(() => act(item)));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return tookMs;
}

/**
 * Calls `act` so often a second for so long, whether or not earlier calls have ended, as strangers would; resolves, when
 * all have, with how long each took, in ms.
 */
export async function openLoop(perSecond: number, forMs: number, act: () => Promise<unknown>): Promise<number[]> {
  const calls: Promise<number>[] = [];
  const beganMs = performance.now();
  for (let elapsedMs = 0; elapsedMs < forMs; elapsedMs = performance.now() - beganMs) {
    const due = (Math.min(elapsedMs, forMs) * perSecond) / 1000;
    while (calls.length < due) calls.push(timeOf(act));
    await delay(TICK_MS);
  }
  return Promise.all(calls);
}

async function timeOf(act: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await act();
  return performance.now() - startedMs;
}
