import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Fleet } from '../../lab/fleet/fleet.ts';
import { seriousFaults } from './axe.ts';
import { hasBrowser, TestBrowser } from './browser.ts';

const VIEWS = ['#/', '#/events', '#/pods/pod1'];

describe.skipIf(!hasBrowser)('a user of the dashboard', () => {
  let browser: TestBrowser;
  let fleet: Fleet;
  let page: Page;
  beforeAll(async () => {
    const config = { limits: { default: { connections: 10 } } };
    [browser, fleet] = await Promise.all([
      TestBrowser.launch(),
      Fleet.start({ store: 'embedded', pods: ['pod1', 'pod2'], config }),
    ]);
    await fleet.open(10, '/pod1/a/path/of/some/length');
    await fleet.open(9, '/pod2/');
    page = await browser.visit(`http://127.0.0.1:${fleet.gate.httpPort}/`);
  });
  afterEach(() => browser.expectNoProblems());
  afterAll(async () => {
    await browser.close();
    await fleet.stop();
  });

  const goTo = async (view: string) => {
    await page.goto(`http://127.0.0.1:${fleet.gate.httpPort}/${view}`); // another hash: the page stays
    await page.getByRole('status', { name: 'State' }).getByText('gates 1').waitFor();
    if (view === '#/events') await page.getByRole('heading', { level: 1, name: 'Events' }).waitFor();
    else await page.getByText('10 of 10').first().waitFor();
    if (view.startsWith('#/pods/')) await release().waitFor();
  };
  const release = () => page.getByRole('button', { name: /^Release .*_/ }).first();
  const dialog = () => page.getByRole('dialog', { name: 'Release this slot?' });

  it('finds no serious fault by axe-core, in light or dark', async () => {
    for (const view of VIEWS) {
      await goTo(view);
      expect(await seriousFaults(page), view).toEqual([]);
    }
    await release().click();
    await dialog().waitFor();
    expect(await seriousFaults(page), 'the dialog').toEqual([]);
    await page.keyboard.press('Escape');
  });

  it('has no sideways scrolling on a phone', async () => {
    const usual = page.viewportSize();
    await page.setViewportSize({ width: 360, height: 740 });
    for (const view of VIEWS) {
      await goTo(view);
      expect(await page.evaluate('document.documentElement.scrollWidth'), view).toBeLessThanOrEqual(360);
    }
    if (usual) await page.setViewportSize(usual);
  });

  it('releases a slot by the mouse, after a question that can be answered with no', async () => {
    await goTo('#/pods/pod1');
    const lease = (await release().getAttribute('aria-label'))?.replace(/^Release /, '');
    await release().click();
    await dialog().getByText(String(lease)).waitFor();
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await dialog().waitFor({ state: 'detached' });
    expect((await fleet.holders('pod1')).map((holder) => holder.lease)).toContain(lease);

    await release().click();
    await dialog().getByRole('button', { name: 'Release the slot' }).click();
    await page.getByRole('status', { name: 'Outcome' }).getByText(`Released ${lease}.`).waitFor();
    await page.getByText('9 of 10').waitFor();
    expect((await fleet.holders('pod1')).map((holder) => holder.lease)).not.toContain(lease);
    await page.getByRole('button', { name: `Release ${lease}` }).waitFor({ state: 'detached' });
  });

  it('reaches a pod and releases a slot by the keyboard alone', async () => {
    await page.goto(`http://127.0.0.1:${fleet.gate.httpPort}/#/`);
    await page.getByRole('link', { name: 'pod2' }).first().waitFor();
    await tabTo(page, 'pod2');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'pod2' }).waitFor();
    await release().waitFor();
    await tabTo(page, 'Release');
    await page.keyboard.press('Enter');
    await dialog().waitFor();
    await page.keyboard.press('Escape'); // says no
    await dialog().waitFor({ state: 'detached' });
    expect(await fleet.connections('pod2')).toBe(9);
    await page.keyboard.press('Enter'); // the button has the focus again
    await dialog().waitFor();
    await tabTo(page, 'Release the slot');
    await page.keyboard.press('Enter');
    await page.getByText(/^Released /).waitFor();
    expect(await fleet.connections('pod2')).toBe(8);
    await page.getByText('8 of 10').waitFor();
  });
});

/** Presses Tab until the text of what has the focus is the one that is looked for. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    if ((await page.evaluate('document.activeElement?.textContent.trim()')) === text) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`60 presses of Tab did not reach ${text}`);
}
