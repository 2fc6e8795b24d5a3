import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeAll } from '../../lab/fleet/clients.ts';
import { Fleet } from '../../lab/fleet/fleet.ts';
import { TABLE } from '../../lab/fleet/table.ts';
import { hasBrowser, TestBrowser } from './browser.ts';

describe.skipIf(!hasBrowser)('the overview', () => {
  let browser: TestBrowser;
  let fleet: Fleet;
  let page: Page;
  beforeAll(async () => {
    const pods = ['pod1', 'pod2', 'pod3'];
    // Pods with a limit of their own are known from the start of the gate, with no connections.
    const limits = { pods: Object.fromEntries(pods.map((pod) => [pod, { connections: 100 }])) };
    const proxies = Object.keys(TABLE);
    [browser, fleet] = await Promise.all([
      TestBrowser.launch(),
      Fleet.start({ store: 'embedded', proxies, pods, config: { limits } }),
    ]);
    const url = `http://127.0.0.1:${fleet.gate.httpPort}/`;
    for (const [proxy, counts] of Object.values(TABLE).entries()) {
      for (const [pod, count] of Object.entries(counts)) await fleet.open(count, `/${pod}/chat`, proxy);
    }
    page = await browser.visit(url);
    await row('pod2').getByText('100 of 100').waitFor();
  });
  afterEach(() => browser.expectNoProblems());
  afterAll(async () => {
    await browser.close();
    await fleet.stop();
  });

  const row = (pod: string) =>
    page.getByRole('table', { name: 'Pods', exact: true }).getByRole('row').filter({ hasText: pod });

  it('shows proxies × pods with the totals of the fleet, and the pod at its limit first', async () => {
    const table = page.getByRole('table', { name: 'Proxies and pods' });
    await expect
      .poll(() => table.getByRole('row').allInnerTexts())
      .toEqual(
        [
          ['Proxy', 'pod1', 'pod2', 'pod3', 'Total'],
          ['proxy_a', '25', '40', '15', '80'],
          ['proxy_b', '30', '35', '20', '85'],
          ['proxy_c', '20', '25', '30', '75'],
          ['Total', '75', '100', '65', '240'],
        ].map((cells) => cells.join('\t')),
      );
    const pods = page.getByRole('table', { name: 'Pods', exact: true }).getByRole('row');
    await expect
      .poll(() => pods.nth(1).allInnerTexts())
      .toEqual([expect.stringMatching(/^pod2\s+100 of 100\s+saturated/)]);
    const bar = page.getByRole('meter', { name: 'pod2' });
    expect([await bar.getAttribute('aria-valuenow'), await bar.getAttribute('aria-valuemax')]).toEqual(['100', '100']);
    await expect
      .poll(() => page.getByRole('status', { name: 'State' }).allInnerTexts())
      .toEqual([expect.stringMatching(/gates 1\s*proxies 3\s*store up/)]);
  });

  it('all meters have one scale, whether or not a word stands beside them', async () => {
    const widths = await Promise.all(
      ['pod1', 'pod2', 'pod3'].map(async (pod) => (await page.getByRole('meter', { name: pod }).boundingBox())?.width),
    );
    expect(widths[0]).toBeGreaterThan(50);
    expect(new Set(widths).size).toBe(1);
  });

  it('counts a WebSocket within a second of its opening, and of its closing', async () => {
    await row('pod3').getByText('65 of 100').waitFor();
    const { opened } = await fleet.open(1, '/pod3/chat');
    await row('pod3').getByText('66 of 100').waitFor({ timeout: 1000 });
    await closeAll(opened);
    await row('pod3').getByText('65 of 100').waitFor({ timeout: 1000 });
  });

  it('shows a denial, and nothing that is filtered out', async () => {
    expect((await fleet.open(1, '/pod2/chat')).refused).toHaveLength(1);
    const denials = denialsIn(page);
    await denials.filter({ hasText: 'pod2' }).first().waitFor();
    await page.getByLabel('Type').selectOption('pod.recovered');
    await expect.poll(() => denials.count()).toBe(0);
    await page.getByLabel('Type').selectOption('connection.denied');
    await page.getByLabel('Pod', { exact: true }).fill('pod3');
    await expect.poll(() => denials.count()).toBe(0);
    await page.getByLabel('Pod', { exact: true }).fill('pod2');
    await denials.first().waitFor();
    await page.getByLabel('Pod', { exact: true }).fill('');
    await page.getByLabel('Type').selectOption('all');
  });

  it('stops the list of events while paused, and then shows what came meanwhile', async () => {
    const told = await denialsIn(page).count();
    await page.getByRole('button', { name: 'Pause' }).click();
    const before = await page.getByRole('log').textContent();
    await fleet.open(1, '/pod2/chat');
    await page.getByText(/[1-9]\d* more since/).waitFor();
    expect(await page.getByRole('log').textContent()).toBe(before);
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(() => denialsIn(page).count()).toBe(told + 1);
  });

  it('shows what each pod held since the gate started', async () => {
    const line = row('pod1').getByRole('img');
    await expect
      .poll(() => line.getAttribute('aria-label'))
      .toMatch(/^Last .*minute.*: between 0 and 75, on a scale from 0 to 100$/);
    await page.getByRole('link', { name: 'pod1' }).first().click();
    const history = page.getByRole('article').getByRole('img');
    await expect
      .poll(() => history.getAttribute('aria-label'))
      .toMatch(/^Last .*minute.*: between 0 and 75, on a scale from 0 to 100$/);
  });
});

function denialsIn(page: Page): Locator {
  return page.getByRole('log').getByRole('listitem').filter({ hasText: 'connection.denied' });
}
