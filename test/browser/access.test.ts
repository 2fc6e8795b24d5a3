import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Fleet } from '../support/fleet.ts';
import { hasBrowser, TestBrowser } from './browser.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS = ['#/', '#/events', '#/pods/pod1'];

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

describe.skipIf(!hasBrowser)('whoever uses the dashboard', () => {
  let browser: TestBrowser;
  let fleet: Fleet;
  let url: string;
  beforeAll(async () => {
    browser = await TestBrowser.launch();
    const config = { limits: { default: { connections: 10 } } };
    fleet = await Fleet.start({ store: 'embedded', pods: ['pod1', 'pod2'], config });
    url = `http://127.0.0.1:${fleet.gate.httpPort}/`;
    await fleet.open(10, '/pod1/a/path/of/some/length');
    await fleet.open(9, '/pod2/');
  });
  afterEach(() => browser.endVisits());
  afterAll(async () => {
    await browser.close();
    await fleet.stop();
  });

  const shown = async (page: Page, view: string) => {
    if (view !== '#/events') await page.getByText('10 of 10').first().waitFor();
    if (view === '#/pods/pod1')
      await page
        .getByRole('button', { name: /^Release / })
        .first()
        .waitFor();
    await page.getByRole('status', { name: 'State' }).getByText('gates 1').waitFor();
  };

  it.each(['dark', 'light'] as const)('finds no serious fault by axe-core, in %s', async (colorScheme) => {
    for (const view of VIEWS) {
      const page = await browser.visit(url + view, { colorScheme });
      await shown(page, view);
      await page.evaluate(AXE);
      const violations = await page.evaluate<Violation[]>('axe.run().then(({ violations }) => violations)');
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      expect(serious.map(({ id, nodes }) => [view, id, nodes.map(({ html }) => html)])).toEqual([]);
    }
  });

  it('has no sideways scrolling on a phone', async () => {
    for (const view of VIEWS) {
      const page = await browser.visit(url + view, { viewport: { width: 360, height: 740 } });
      await shown(page, view);
      expect(await page.evaluate('document.documentElement.scrollWidth'), view).toBeLessThanOrEqual(360);
    }
  });

  it('reaches a pod and releases a slot by the keyboard alone', async () => {
    const page = await browser.visit(url);
    await page.getByRole('link', { name: 'pod2' }).first().waitFor();
    await tabTo(page, (focused) => focused === 'pod2');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'pod2' }).waitFor();
    await page
      .getByRole('button', { name: /^Release / })
      .first()
      .waitFor();
    await tabTo(page, (focused) => focused === 'Release');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Release this slot?' }).waitFor();
    await page.keyboard.press('Escape'); // says no
    expect(await fleet.connections('pod2')).toBe(9);
    await page.keyboard.press('Enter');
    await tabTo(page, (focused) => focused === 'Release the slot');
    await page.keyboard.press('Enter');
    await page.getByText(/^Released /).waitFor();
    expect(await fleet.connections('pod2')).toBe(8);
    await page.getByText('8 of 10').waitFor();
  });
});

/** Presses Tab until the text of what has the focus is the one that is looked for. */
async function tabTo(page: Page, isIt: (focused: string) => boolean): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    if (isIt(await page.evaluate<string>('document.activeElement?.textContent.trim() ?? ""'))) return;
    await page.keyboard.press('Tab');
  }
  throw new Error('60 presses of Tab did not reach it');
}
