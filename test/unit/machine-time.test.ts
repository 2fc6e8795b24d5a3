/** The clock that deadlines of tests go by, and the tests that are run once more because of it. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { machineNow, stalledMs } from '../../lab/fleet/machine-time.ts';
import { until } from '../../lab/fleet/processes.ts';

/** Stops this process, as a machine does that has no time for it. */
async function stall(seconds: number): Promise<void> {
  await once(spawn('sh', ['-c', `kill -STOP ${process.pid}; sleep ${seconds}; kill -CONT ${process.pid}`]), 'exit');
}

it('the time of a stall does not count', async () => {
  const [wallMs, machineMs, beforeMs] = [performance.now(), machineNow(), stalledMs()];
  await stall(1);
  const passedMs = performance.now() - wallMs;
  expect(passedMs).toBeGreaterThan(1000);
  expect(stalledMs() - beforeMs).toBeGreaterThan(800);
  expect(machineNow() - machineMs).toBeLessThan(passedMs - 800);
});

/** Of children that have ended: `/proc/self/stat` tells it in hundredths of a second. */
function childrensCpuMs(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const [user = 0, kernel = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(13, 15)
    .map(Number);
  return (user + kernel) * 10;
}

it.skipIf(process.platform !== 'linux')('processor time of our own children is no stall', async () => {
  const processors = availableParallelism();
  const [wallMs, cpuMs, beforeMs] = [performance.now(), childrensCpuMs(), stalledMs()];
  const busy = Array.from({ length: 3 * processors }, () => spawn('sh', ['-c', 'while :; do :; done']));
  await delay(3_000);
  const ended = busy.map((child) => once(child, 'exit'));
  for (const child of busy) child.kill('SIGKILL');
  await Promise.all(ended);
  const notOursMs = performance.now() - wallMs - (childrensCpuMs() - cpuMs) / processors;
  expect(stalledMs() - beforeMs).toBeLessThan(notOursMs + 100);
});

it('machine time never goes back', async () => {
  let last = machineNow();
  const startedMs = performance.now();
  await until('a tenth of a second', () => {
    for (let i = 0; i < 1000; i += 1) {
      const now = machineNow();
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
    return performance.now() - startedMs > 100;
  });
});

describe('a test that fails', () => {
  let stalled = 0;
  let failed = 0;

  it('is run once more when the machine stalled meanwhile', async ({ task }) => {
    task.meta.isRetriedOnPurpose = true;
    stalled += 1;
    if (stalled > 1) return;
    await stall(1);
    throw new Error('for once');
  });

  it.fails('is not run again when the machine did not stall', () => {
    failed += 1;
    throw new Error('for good');
  });

  it('was run as often as that', () => {
    expect({ stalled, failed }).toEqual({ stalled: 2, failed: 1 });
  });
});
