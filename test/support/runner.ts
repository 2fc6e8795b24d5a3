/**
 * Runs a test once more that fails while the machine stalls: deadlines of gates, Envoys and Redis go by the wall clock,
 * so it may have been the machine that failed. One that fails on a machine that runs has failed. Each test that was run
 * more than once is told to `.ci/run`, beside the report: many of them mean something.
 */

import { appendFileSync } from 'node:fs';
import { TestRunner } from 'vitest';
import { machineNow, stalledMs } from '../../lab/fleet/machine-time.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** It is a test of retries: it says nothing of the machine. */
    isRetriedOnPurpose?: true;
  }
}

type Task = Parameters<TestRunner['onBeforeRunTask']>[0];

/** Of the time that a test takes, and at least so many milliseconds. */
const STALLED = { part: 0.1, ms: 300 };

export default class extends TestRunner {
  override onBeforeRunTask(test: Task): Promise<void> {
    const before = { stalledMs: stalledMs(), machineMs: machineNow() };
    const condition = () => {
      const stalled = stalledMs() - before.stalledMs;
      const ran = machineNow() - before.machineMs;
      return stalled >= STALLED.ms && stalled >= STALLED.part * (stalled + ran);
    };
    // One that says itself how often it may try: how fast something is, the best of a few tries tells.
    if (test.type === 'test' && !test.retry) test.retry = { count: 1, condition };
    return super.onBeforeRunTask(test);
  }

  override onAfterRunTask(test: Task): void {
    const { WSGATE_TEST_REPORT: report } = process.env;
    const retries = test.result?.retryCount ?? 0;
    if (report && !test.meta.isRetriedOnPurpose) {
      for (let again = 0; again < retries; again++) appendFileSync(`${report}.retries`, `${test.name}\n`);
    }
    super.onAfterRunTask(test);
  }
}
