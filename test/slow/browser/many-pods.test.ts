import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Gate, startGate } from '../../../lab/fleet/gate.ts';
import { fillRedis } from '../../../lab/redis/fill.ts';
import { type RedisServer, startRedis } from '../../../lab/redis/server.ts';
import { hasBrowser, TestBrowser } from '../../browser/browser.ts';

const PODS = 10_000;
const PROXIES = 10;
/** The largest of the pods, for its own page; the others share the rest evenly. */
const LARGEST = 1000;
/** However large the fleet. */
const ELEMENTS_MAX = 2500;
/** Of the page's main thread: from its start until the pods are shown, and for each message of figures after that. */
const FIRST_WORK_MS = 1000;
const UPDATE_WORK_MS = 150;
/** Reading 10,000 pods is work for the gate and its Redis, on a machine that may have other work. */
const PATIENTLY = { timeout: 15_000 };

/** 100,000 leases in all: some of the other pods have one fewer, for the largest. */
const fleet = Array.from({ length: PODS }, (_, index) => ({
  pod: `pod-${index}`,
  connections: index === 0 ? LARGEST : index <= LARGEST - 10 ? 9 : 10,
}));
const proxies = Array.from({ length: PROXIES }, (_, index) => `proxy-${index}`);

describe.skipIf(!hasBrowser)('10,000 pods and 100,000 leases', () => {
  let browser: TestBrowser;
  let redis: RedisServer;
  let gate: Gate;
  beforeAll(async () => {
    redis = await startRedis();
    await fillRedis(redis.url, fleet, proxies);
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
    expect(await page.getByRole('definition').getByText('100,000').count()).toBe(1);
    await page.getByLabel('Find a pod').fill('pod-9876');
    await page.getByRole('table', { name: 'Pods', exact: true }).getByText('10 of 1000').waitFor(PATIENTLY);
    await page.getByLabel('Find a pod').fill('');
    await page.getByText(`1–25 of ${PODS.toLocaleString('en')}`).waitFor(PATIENTLY);
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
