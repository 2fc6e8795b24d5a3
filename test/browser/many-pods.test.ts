import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Gate, startGate } from '../../scripts/fleet/gate.ts';
import { leaseId, streamIdentity } from '../../src/admission/ids.ts';
import { podId, proxyId } from '../support/names.ts';
import { openStore, type RedisServer, startRedis } from '../support/redis.ts';
import { hasBrowser, TestBrowser } from './browser.ts';

const PODS = 10_000;
const PROXIES = 10;
/** The largest of the pods, for its own page; the others share the rest evenly. */
const LARGEST = 1000;
const LEASES = 100_000;
const USABLE_MS = 5000;
/** Of all tables together. A row has few elements, whatever the fleet. */
const ROWS_MAX = 250;

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
  await store.heartbeat({ gate: 'filler', proxies, pods, gateQuietMs: 60_000, proxyQuietMs: 60_000 });
  await store.farewell('filler');
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
      config: { limits, lease: { recovery: '0s' }, store: { url: redis.url, deadline: '4s' } },
    });
    browser = await TestBrowser.launch();
  });
  afterEach(() => browser.endVisits());
  afterAll(async () => {
    await browser.close();
    await gate.stop();
    await redis.stop();
  });

  it('are shown, searched and looked into within seconds, by a page that stays small', async () => {
    const begunMs = performance.now();
    const page = await browser.visit(`http://127.0.0.1:${gate.httpPort}/`);
    await page.getByText('1000 of 1000').waitFor();
    expect(performance.now() - begunMs).toBeLessThan(USABLE_MS);
    expect(await page.getByText('100,000').count()).toBe(1);
    expect(await page.getByRole('row').count()).toBeLessThan(ROWS_MAX);

    const searchedMs = performance.now();
    await page.getByLabel('Find a pod').fill('pod-9876');
    await page.getByRole('table', { name: 'Pods', exact: true }).getByText('10 of 1000').waitFor();
    expect(performance.now() - searchedMs).toBeLessThan(USABLE_MS);

    const lookedMs = performance.now();
    await page.goto(`http://127.0.0.1:${gate.httpPort}/#/pods/pod-0`);
    await page
      .getByRole('button', { name: /^Release / })
      .first()
      .waitFor();
    expect(performance.now() - lookedMs).toBeLessThan(USABLE_MS);
    expect(await page.getByRole('row').count()).toBeLessThan(ROWS_MAX);
  });
});
