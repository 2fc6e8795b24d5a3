import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Gate, startGate } from '../../lab/fleet/gate.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { openStore } from '../../lab/redis/store.ts';
import { leaseId, streamIdentity } from '../../src/admission/ids.ts';
import { podId, proxyId } from '../support/names.ts';
import { hasBrowser, TestBrowser } from './browser.ts';

const PODS = 10_000;
const PROXIES = 10;
/** The largest of the pods, for its own page; the others share the rest evenly. */
const LARGEST = 1000;
const LEASES = 100_000;
/** However large the fleet. */
const ELEMENTS_MAX = 2500;
/** Of the page's main thread: from its start until the pods are shown, and for each message of figures after that. */
const FIRST_WORK_MS = 1000;
const UPDATE_WORK_MS = 150;
/** Reading 10,000 pods is work for the gate and its Redis, on a machine that may have other work. */
const PATIENTLY = { timeout: 15_000 };

/** Gives every pod its leases, as if each proxy's access log had told of them. */
async function fill(redis: RedisServer): Promise<void> {
  const store = await openStore(redis.url, { deadlineMs: 60_000 });
  const pods = Array.from({ length: PODS }, (_, index) => podId(`pod-${index}`));
  const proxies = Array.from({ length: PROXIES }, (_, index) => proxyId(`proxy-${index}`));
  const startNs = BigInt(Date.now()) * 1_000_000n;
  const held = (count: number) =>
    Array.from({ length: count }, (_, index) => {
      const proxy = proxies[index % PROXIES];
      if (!proxy) throw new Error('no proxy');
      const lease = leaseId(proxy, streamIdentity(startNs + BigInt(index), `192.0.2.1:${index}`));
      return { lease, holder: { state: 'live', path: '/chat' } } as const;
    });
  const usual = held(10);
  const largest = held(LARGEST);
  const fewer = held(9); // in as many pods as make up for the largest
  const answers = await Promise.all(
    pods.map((pod, index) =>
      store.renew(pod, index === 0 ? largest : index <= LARGEST - 10 ? fewer : usual, 3_600_000),
    ),
  );
  const created = answers.reduce((sum, answer) => sum + (answer.ok ? answer.value.created : 0), 0);
  expect(created).toBe(LEASES);
  await store.heartbeat({ gate: 'filler', proxies, pods, gateSilentMs: 60_000, proxySilentMs: 60_000 });
  await store.leave('filler');
  await store.close();
}

describe.skipIf(!hasBrowser)('10,000 pods and 100,000 leases', () => {
  let browser: TestBrowser;
  let redis: RedisServer;
  let gate: Gate;
  beforeAll(async () => {
    redis = await startRedis();
    await fill(redis);
    const limits = { default: { connections: LARGEST } };
    gate = await startGate({
      config: {
        limits,
        lease: { recovery: '0s' },
        store: { url: redis.url, deadline: '4s' },
        hub: { metrics: { every: '1s' } },
      },
    });
    browser = await TestBrowser.launch();
  });
  afterEach(() => browser.endVisits());
  afterAll(async () => {
    await browser.close();
    await gate.stop();
    await redis.stop();
  });

  it('are shown, searched and looked into by a page that stays small', async () => {
    const url = `http://127.0.0.1:${gate.httpPort}/`;
    const page = await browser.visit(url);
    await page.getByText('1000 of 1000').waitFor(PATIENTLY);
    expect(await page.getByText('100,000').count()).toBe(1);
    await page.getByLabel('Find a pod').fill('pod-9876');
    await page.getByRole('table', { name: 'Pods', exact: true }).getByText('10 of 1000').waitFor(PATIENTLY);
    await page.getByLabel('Find a pod').fill('');
    await page.getByText(`20 of ${PODS}`).waitFor(PATIENTLY);
    expect(await elements(page)).toBeLessThan(ELEMENTS_MAX);

    await page.goto(`${url}#/pods/pod-0`);
    const connections = page.getByRole('button', { name: /^Release / });
    await connections.first().waitFor(PATIENTLY);
    await expect.poll(() => connections.count()).toBe(100);
    expect(await elements(page)).toBeLessThan(ELEMENTS_MAX);
  });

  it('cost the browser little at first, and little with each message of new figures', async () => {
    const url = `http://127.0.0.1:${gate.httpPort}/`;
    // Somewhere, to watch from the start. It has no icon, which the browser asks for all the same.
    const page = await browser.visit(`${url}healthz`, { expected: /favicon/ });
    const workedMs = await watchWork(page);
    const frames = framesOf(page, '/ws/metrics');
    await page.goto(url);
    await page.getByText('1000 of 1000').waitFor(PATIENTLY);
    const firstMs = await workedMs();
    expect(firstMs).toBeLessThan(FIRST_WORK_MS);

    const seen = frames.count;
    await expect.poll(() => frames.count - seen, PATIENTLY).toBeGreaterThanOrEqual(3);
    const eachMs = ((await workedMs()) - firstMs) / (frames.count - seen);
    expect(eachMs).toBeLessThan(UPDATE_WORK_MS);
  });
});

function elements(page: Page): Promise<number> {
  return page.evaluate<number>('document.querySelectorAll("*").length');
}

/** Tells the processor time that the page's main thread has used so far: what else the machine does is not in it. */
async function watchWork(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    const seconds = metrics.find(({ name }) => name === 'TaskDuration')?.value;
    if (seconds === undefined) throw new Error('no TaskDuration');
    return seconds * 1000;
  };
}

/** Counts the messages that come on a WebSocket of the page. */
function framesOf(page: Page, path: string): { count: number } {
  const seen = { count: 0 };
  page.on('websocket', (socket) => {
    if (new URL(socket.url()).pathname === path) socket.on('framereceived', () => (seen.count += 1));
  });
  return seen;
}
