/** The list of pods of a large fleet whose names are as Kubernetes makes them. */

import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Gate, startGate } from '../../../lab/fleet/gate.ts';
import { kubernetesNames } from '../../../lab/fleet/kubernetes-names.ts';
import { Random } from '../../../lab/fleet/random.ts';
import { fillRedis } from '../../../lab/redis/fill.ts';
import { type RedisServer, startRedis } from '../../../lab/redis/server.ts';
import { seriousFaults } from '../../browser/axe.ts';
import { hasBrowser, TestBrowser } from '../../browser/browser.ts';

const PODS = 1000;
const LIMIT = 50;
/** Every fortieth pod is full. */
const FULL = 25;
const DEPLOYMENT = 'checkout-websocket-gateway';
const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

describe.skipIf(!hasBrowser)('a list of 1,000 pods', () => {
  let browser: TestBrowser;
  let redis: RedisServer;
  let gate: Gate;
  let page: Page;
  const names = kubernetesNames([DEPLOYMENT], PODS, new Random(1));
  beforeAll(async () => {
    redis = await startRedis();
    const pods = names.map((pod, index) => ({ pod, connections: index % 40 === 0 ? LIMIT : 1 + (index % 40) }));
    await fillRedis(redis.url, pods, kubernetesNames(['envoy-edge'], 15, new Random(2)));
    const config = { limits: { default: { connections: LIMIT } }, lease: { recovery: '0s' } };
    gate = await startGate({ config: { ...config, store: { url: redis.url, deadline: '4s' } } });
    browser = await TestBrowser.launch();
    page = await browser.visit(`http://127.0.0.1:${gate.httpPort}/`, { viewport: WIDE });
    await shown().getByText('1–25 of 1,000').waitFor();
  });
  afterEach(() => browser.expectNoProblems());
  afterAll(async () => {
    await browser.close();
    await gate.stop();
    await redis.stop();
  });

  const shown = () => page.getByRole('status', { name: 'Shown pods' });
  const table = () => page.getByRole('table', { name: 'Pods', exact: true });
  const podNames = () => table().getByRole('rowheader').allTextContents();
  const sortBy = (name: string) => table().getByRole('button', { name }).click();
  const byName = names.toSorted(new Intl.Collator('en', { numeric: true }).compare);

  it('has a line for each, wide and on a phone, and never scrolls sideways', async () => {
    for (const viewport of [PHONE, WIDE]) {
      await page.setViewportSize(viewport);
      for (const box of await boxesOf(page, '.pods tbody tr')) expect(box.height).toBeLessThan(34);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(viewport.width);
      expect(await seriousFaults(page)).toEqual([]);
    }
  });

  it('dims what a name shares with those beside it, and copies the whole of it', async () => {
    const header = table().getByRole('rowheader').first();
    const dimmed = await header.locator('.quiet').textContent();
    expect(dimmed).toMatch(/^checkout-websocket-gateway-\w{10}-$/);
    expect(names).toEqual(expect.arrayContaining(await header.allInnerTexts()));
    const ends = await boxesOf(page, '.pods tbody th bdi');
    const cells = await boxesOf(page, '.pods tbody th');
    ends.forEach(({ right }, index) => {
      expect(right).toBeLessThanOrEqual(cells[index]?.right ?? 0); // the end of a name is in sight
    });
  });

  it('is sorted by each column, both ways', async () => {
    await sortBy('Pod');
    await expect.poll(podNames).toEqual(byName.slice(0, 25));
    expect(await table().getByRole('columnheader', { name: 'Pod' }).getAttribute('aria-sort')).toBe('ascending');
    await sortBy('Pod');
    await expect.poll(podNames).toEqual(byName.toReversed().slice(0, 25));
    await sortBy('Connections');
    const first = table().getByRole('row').nth(1);
    await first.getByText('50 of 50').waitFor();
    await sortBy('Connections');
    await first.getByText('2 of 50').waitFor();
    await sortBy('Of its limit');
    await first.getByText('50 of 50').waitFor();
    await sortBy('Of its limit');
    await first.getByText('2 of 50').waitFor();
  });

  it('is read a page at a time, of the size that one wants', async () => {
    await sortBy('Pod');
    await page.getByRole('button', { name: 'Next' }).click();
    await shown().getByText('26–50 of 1,000').waitFor();
    expect(await podNames()).toEqual(byName.slice(25, 50));
    await page.getByLabel('Rows').selectOption('100');
    await shown().getByText('1–100 of 1,000').waitFor();
    expect(await podNames()).toEqual(byName.slice(0, 100));
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('button', { name: 'Previous' }).click();
    await shown().getByText('1–100 of 1,000').waitFor();
    await page.getByLabel('Rows').selectOption('25');
  });

  it('shows the full ones only, on demand', async () => {
    await page.getByLabel('Full only').check();
    await shown().getByText(`1–${FULL} of ${FULL} full`).waitFor();
    expect(await table().getByText('50 of 50').count()).toBe(FULL);
    await page.getByLabel('Full only').uncheck();
  });

  it('says that a search found nothing', async () => {
    await page.getByLabel('Find a pod').fill('no-such-pod');
    await page.getByText('No pod has “no-such-pod” in its name.').waitFor();
    await page.getByLabel('Find a pod').fill('');
  });

  it('stands above the proxies and pods, whose columns are all in sight', async () => {
    const columns = await boxesOf(page, '[aria-label="Proxies and pods"] thead th');
    const [frame] = await boxesOf(page, '.scroll');
    expect(columns).toHaveLength(8); // the proxies, five pods, the other pods, the total
    columns.forEach(({ left, right }, index) => {
      expect(left).toBeGreaterThanOrEqual((columns[index - 1]?.right ?? 0) - 1);
      expect(right).toBeLessThanOrEqual(frame?.right ?? 0);
    });
    await page.getByRole('columnheader', { name: '995 others' }).waitFor();
  });
});

interface Box {
  readonly left: number;
  readonly right: number;
  readonly height: number;
}

function boxesOf(page: Page, selector: string): Promise<Box[]> {
  return page.evaluate<Box[]>(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].map((each) => each.getBoundingClientRect().toJSON())`,
  );
}
