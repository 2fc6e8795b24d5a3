/** A gate on a Redis Cluster whose slots move and whose masters fail, while WebSockets come and go. */

import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { RedisCluster } from '../../../lab/redis/cluster.ts';
import type { RedisServer } from '../../../lab/redis/server.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { Churn } from '../../support/churn.ts';

const LIMIT = 30;
const KEY = 'ws:pod_conn:pod1';

let cluster: RedisCluster;
let gate: TestApp;
let churn: Churn;
beforeAll(async () => {
  cluster = await RedisCluster.start({ replicasEach: 1 });
});
afterAll(() => cluster.stop());

beforeEach(async () => {
  gate = await startTestApp({
    WSGATE_STORE_URL: cluster.url,
    WSGATE_OUTAGE_POLICY: 'deny',
    WSGATE_LIMITS_DEFAULT_CONNECTIONS: String(LIMIT),
  });
  await expect.poll(() => gate.store()).toBe('ok');
  churn = new Churn(gate, 'pod1');
  await goesOn();
});
afterEach(async () => {
  await churn.stop();
  await gate.stop();
});

/** As full as the pod gets, and connections that come and go. */
async function goesOn(): Promise<void> {
  const { admitted, denied } = churn;
  await expect.poll(() => churn.admitted > admitted + 50 && churn.denied > denied + 50).toBe(true);
}

/** The store counts what is open, and nothing when nothing is. */
async function settles(): Promise<void> {
  await churn.stop();
  await expect.poll(() => gate.connections('pod1')).toBe(churn.open.length);
  churn.closeAll();
  await expect.poll(() => gate.connections('pod1')).toBe(0);
}

/** Those that a renewal found to be missing. */
async function lostLeases(): Promise<number> {
  return Number(/^wsgate_leases_adopted_total (\d+)$/m.exec(await (await gate.get('/metrics')).text())?.[1]);
}

async function hasTakenOver(from: RedisServer): Promise<void> {
  await expect.poll(() => cluster.masterOf(KEY), { timeout: 10_000, interval: 10 }).not.toBe(from);
}

it('a pod whose slot moves to another master keeps its limit and every lease', async () => {
  const to = await cluster.otherMaster(KEY);
  await cluster.moveSlot(KEY, to);
  await goesOn();
  expect(await cluster.masterOf(KEY)).toBe(to);
  expect(churn.most).toBe(LIMIT);
  await settles();
  expect(await lostLeases()).toBe(0);
});

it('a pod whose master hands over to its replica keeps its limit and every lease', async () => {
  const from = await cluster.masterOf(KEY);
  await (await cluster.replicaOf(from)).client.cluster('FAILOVER');
  await hasTakenOver(from);
  await goesOn();
  expect(churn.most).toBe(LIMIT);
  await settles();
  expect(await lostLeases()).toBe(0);
});

it.each(['SIGSTOP', 'SIGKILL'] as const)(
  'a pod whose master gets %s is served again within two seconds of its replica taking over',
  async (signal) => {
    const from = await cluster.masterOf(KEY);
    const replica = await cluster.replicaOf(from);
    await replica.client.readonly();
    from.signal(signal);
    onTestFinished(() => from.signal('SIGCONT'));
    const survived = new Set(await replica.client.zrange(KEY, '0', '-1'));
    const lost = churn.open.filter(({ lease }) => !survived.has(lease)).length;
    await hasTakenOver(from);
    const before = churn.admitted;
    await expect.poll(() => churn.admitted, { timeout: 2000, interval: 10 }).toBeGreaterThan(before);
    await goesOn();
    expect(churn.most).toBeLessThanOrEqual(LIMIT + lost);
    await settles();
  },
);
