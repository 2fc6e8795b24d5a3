/** How long upgrades wait for a Redis that is dead, and how soon it is asked again: measured over gRPC. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { machineNow } from '../../lab/fleet/machine-time.ts';
import { checkOf, newStream } from '../../lab/fleet/messages.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

const DEADLINE_MS = 100;
/** This process and the gate in it may be busy, too. */
const SLACK_MS = 400;
const BACK_MS = 2000;

let redis: RedisServer;
let gate: TestApp;
beforeEach(async () => {
  redis = await startRedis();
  gate = await startTestApp({
    WSGATE_STORE_URL: redis.url,
    WSGATE_STORE_DEADLINE: `${DEADLINE_MS}ms`,
    WSGATE_OUTAGE_POLICY: 'deny',
  });
  await expect.poll(() => gate.store()).toBe('ok');
  await timedCheck(); // the connection of the client is open
});
afterEach(async () => {
  await gate.stop();
  await redis.stop();
});

async function timedCheck(headers?: Record<string, string>): Promise<{ ms: number; admitted: boolean }> {
  const startedAt = machineNow();
  const answer = await gate.check(checkOf(newStream(), 'pod1', headers));
  return { ms: machineNow() - startedAt, admitted: 'okResponse' in answer };
}

async function expectBrokenCircuit(): Promise<void> {
  const first = await timedCheck();
  expect(first.admitted).toBe(false);
  expect(first.ms).toBeLessThan(DEADLINE_MS + SLACK_MS);
  // Beside what a question takes that is none for the store, so that a busy machine does not count.
  const longer: number[] = [];
  while (longer.length < 100) {
    const plain = await timedCheck({});
    longer.push((await timedCheck()).ms - plain.ms);
  }
  longer.sort((a, b) => a - b);
  expect(longer[50], `the median of ${longer.map((ms) => ms.toFixed(1)).join(' ')} ms`).toBeLessThan(5);
}

async function expectBackSoon(): Promise<void> {
  const backAt = machineNow();
  await expect.poll(async () => (await timedCheck()).admitted, { timeout: 3 * BACK_MS, interval: 20 }).toBe(true);
  expect(machineNow() - backAt).toBeLessThan(BACK_MS);
}

describe('the first upgrade is answered within the deadline, the next ones at once, and Redis is back within two seconds', () => {
  it('when it dies and is started again', async () => {
    await redis.stop();
    await expectBrokenCircuit();
    redis = await startRedis({ port: redis.port });
    await expectBackSoon();
  });

  it('when it hangs and goes on', async () => {
    redis.signal('SIGSTOP');
    await expectBrokenCircuit();
    redis.signal('SIGCONT');
    await expectBackSoon();
  });
});
