import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeAll, Fleet } from '../support/fleet.ts';
import { hasBrowser, TestBrowser } from './browser.ts';

describe.skipIf(!hasBrowser)('the overview', () => {
  let browser: TestBrowser;
  let fleet: Fleet;
  let url: string;
  beforeAll(async () => {
    browser = await TestBrowser.launch();
    fleet = await Fleet.start({
      store: 'embedded',
      proxies: ['proxy_a', 'proxy_b', 'proxy_c'],
      pods: ['pod1', 'pod2', 'pod3'],
    });
    url = `http://127.0.0.1:${fleet.gate.httpPort}/`;
    const table = [
      [25, 40, 15],
      [30, 35, 20],
      [20, 25, 30],
    ];
    for (const [proxy, row] of table.entries()) {
      for (const [pod, count] of row.entries()) await fleet.open(count, `/pod${pod + 1}/chat`, proxy);
    }
  });
  afterEach(() => browser.endVisits());
  afterAll(async () => {
    await browser.close();
    await fleet.stop();
  });

  const row = (page: Page, pod: string) =>
    page.getByRole('table', { name: 'Pods', exact: true }).getByRole('row').filter({ hasText: pod });

  it('shows proxies × pods with the totals of the fleet, and the pod at its limit first', async () => {
    const page = await browser.visit(url);
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

  it('counts a WebSocket within a second of its opening, and of its closing', async () => {
    const page = await browser.visit(url);
    await row(page, 'pod3').getByText('65 of 100').waitFor();
    const { opened } = await fleet.open(1, '/pod3/chat');
    await row(page, 'pod3').getByText('66 of 100').waitFor({ timeout: 1000 });
    await closeAll(opened);
    await row(page, 'pod3').getByText('65 of 100').waitFor({ timeout: 1000 });
  });

  it('tells of a denial, and of nothing that is filtered out', async () => {
    const page = await browser.visit(url);
    await row(page, 'pod2').getByText('100 of 100').waitFor();
    expect((await fleet.open(1, '/pod2/chat')).refused).toHaveLength(1);
    const denials = page.getByRole('log').getByRole('listitem').filter({ hasText: 'connection.denied' });
    await denials.filter({ hasText: 'pod2' }).first().waitFor();
    await page.getByLabel('Type').selectOption('pod.recovered');
    await expect.poll(() => denials.count()).toBe(0);
    await page.getByLabel('Type').selectOption('connection.denied');
    await page.getByLabel('Pod', { exact: true }).fill('pod3');
    await expect.poll(() => denials.count()).toBe(0);
    await page.getByLabel('Pod', { exact: true }).fill('pod2');
    await denials.first().waitFor();
  });

  it('holds the events still while paused, and goes on with what came meanwhile', async () => {
    const page = await browser.visit(url);
    await row(page, 'pod2').getByText('100 of 100').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    const before = await page.getByRole('log').textContent();
    await fleet.open(1, '/pod2/chat');
    await page.getByText(/[1-9]\d* more since/).waitFor();
    expect(await page.getByRole('log').textContent()).toBe(before);
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('log').getByText('connection.denied').first().waitFor();
  });

  it('loads under a policy that lets nothing inline run', async () => {
    const policy = (await fetch(url)).headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    const page = await browser.visit(url);
    await row(page, 'pod1').getByText('75 of 100').waitFor();
  });
});
