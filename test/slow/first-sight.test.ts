/** What the page shows at once: what the gate knows of the past, and in plain words what is not as usual. */

import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Fleet } from '../../lab/fleet/fleet.ts';
import { startGate } from '../../lab/fleet/gate.ts';
import { seriousFaults } from '../browser/axe.ts';
import { hasBrowser, TestBrowser } from '../browser/browser.ts';

const PHONE = { width: 390, height: 844 };
/** Of the gate's history. */
const STEP_MS = 30_000;

describe.skipIf(!hasBrowser)('the page when it opens', () => {
  let browser: TestBrowser;
  let fleet: Fleet;
  let url: string;
  beforeAll(async () => {
    const config = { limits: { default: { connections: 2 } } };
    [browser, fleet] = await Promise.all([TestBrowser.launch(), Fleet.start({ store: 'embedded', config })]);
    url = `http://127.0.0.1:${fleet.gate.httpPort}/`;
    await fleet.open(2, '/pod1/a/path');
    expect((await fleet.open(1, '/pod1/')).refused).toHaveLength(1);
  });
  afterEach(() => browser.endVisits());
  afterAll(async () => {
    await browser.close();
    await fleet.stop();
  });

  it('shows the events from before', async () => {
    const page = await browser.visit(url);
    const events = page.getByRole('log').getByRole('listitem');
    await events.filter({ hasText: 'connection.denied' }).waitFor();
    await expect.poll(() => events.filter({ hasText: 'connection.admitted' }).count()).toBe(2);
    await fleet.open(1, '/pod1/');
    await expect.poll(() => events.filter({ hasText: 'connection.denied' }).count()).toBe(2);
    expect(await events.filter({ hasText: 'connection.admitted' }).count()).toBe(2); // none comes twice
  });

  it('shows the rates from before', async () => {
    const api = async () => (await (await fetch(`${url}v1/history`)).json()) as { rates: { admitted: number[] } };
    await expect
      .poll(async () => (await api()).rates.admitted.some((rate) => rate > 0), { timeout: 2 * STEP_MS })
      .toBe(true);
    const page = await browser.visit(url);
    const chart = page.getByRole('img', { name: /^Admitted / });
    // Nothing is admitted now: what there was at most is of the time before.
    await expect.poll(() => chart.getAttribute('aria-label')).toMatch(/minutes: at most 0\.1 and /);
  });

  it('says that nobody knows a pod, until somebody does', async () => {
    const page = await browser.visit(`${url}#/pods/typo`, { viewport: PHONE });
    await page.getByRole('status', { name: 'Pod' }).getByText('No gate knows a pod of this name.').waitFor();
    await page.getByText('2 may be open at once').waitFor();
    expect(await page.getByRole('table').count()).toBe(0);
    expect(await seriousFaults(page)).toEqual([]);
    await page.goto(`${url}#/pods/pod1`);
    await page.getByText('2 of 2').waitFor();
    expect(await page.getByText('No gate knows').count()).toBe(0);
  });

  it('shows on a phone who holds the slots, the buttons and the question in sight', async () => {
    const page = await browser.visit(`${url}#/pods/pod1`, { viewport: PHONE });
    const release = page.getByRole('button', { name: /^Release / }).first();
    await release.waitFor();
    await expectInside(page, '.connections button');
    await expectInside(page, '.connections .path');
    await release.click();
    await page.getByRole('dialog').waitFor();
    const dialog = await page.getByRole('dialog').boundingBox();
    expect(dialog?.x).toBeGreaterThanOrEqual(8);
    expect((dialog?.x ?? 0) + (dialog?.width ?? 0)).toBeLessThanOrEqual(PHONE.width - 8);
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('says the scale of a line to everybody', async () => {
    const page = await browser.visit(`${url}#/pods/pod1`);
    const line = page.getByRole('article').getByRole('img');
    await expect.poll(() => line.getAttribute('aria-label')).toMatch(/minutes?: .* on a scale from 0 to 2$/);
    await page.getByText(/^Last .*minutes?, max 2$/).waitFor();
  });

  it('says that a search among the connections found nothing', async () => {
    const page = await browser.visit(`${url}#/pods/pod1`);
    await page.getByLabel('Search connections').fill('nobody');
    await page.getByText('No connection has “nobody” in its proxy, client, path or lease.').waitFor();
  });
});

describe.skipIf(!hasBrowser)('a store that recovers', () => {
  it('is told with what becomes of upgrades, and for how long still', async () => {
    await using undo = new AsyncDisposableStack();
    const browser = await TestBrowser.launch();
    undo.defer(() => browser.close());
    const gate = await startGate({ config: { lease: { recovery: '10s' }, outage: { policy: 'deny' } } });
    undo.defer(() => gate.stop());
    const page = await browser.visit(`http://127.0.0.1:${gate.httpPort}/`, { viewport: PHONE });
    const upgrades = page.getByRole('status', { name: 'Upgrades' });
    await upgrades.getByText('The store recovers: it may have lost connections').waitFor();
    await upgrades.getByText('nobody is admitted').waitFor();
    await page.getByText(/^Another \d+ seconds\.$/).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await upgrades.waitFor({ state: 'detached', timeout: 40_000 });
    await browser.endVisits();
  });
});

async function expectInside(page: Page, selector: string): Promise<void> {
  const rights = await page.evaluate<number[]>(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].map((each) => each.getBoundingClientRect().right)`,
  );
  expect(rights.length).toBeGreaterThan(0);
  for (const right of rights) expect(right).toBeLessThanOrEqual(page.viewportSize()?.width ?? 0);
}
