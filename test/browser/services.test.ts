import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Fleet } from '../../lab/fleet/fleet.ts';
import { seriousFaults } from './axe.ts';
import { hasBrowser, TestBrowser } from './browser.ts';

describe.skipIf(!hasBrowser)('a service on the page', () => {
  let browser: TestBrowser;
  let fleet: Fleet;
  let page: Page;
  beforeAll(async () => {
    [browser, fleet] = await Promise.all([
      TestBrowser.launch(),
      Fleet.start({ file: 'placement.yaml', pods: ['chat-1', 'chat-2', 'chat-3'], serviceLimit: 4 }),
    ]);
    await fleet.open(6, '/chat/');
    page = await browser.visit(`http://127.0.0.1:${fleet.gate.httpPort}/`);
  });
  afterEach(() => browser.expectNoProblems());
  afterAll(async () => {
    await browser.close();
    await fleet.stop();
  });

  const table = () => page.getByRole('table', { name: /^Service chat/ });
  const bars = async () => {
    const meters = await table().getByRole('meter').all();
    return Promise.all(meters.map((meter) => meter.getAttribute('aria-valuenow')));
  };

  it('has its pods as bars, which fill evenly, and its room', async () => {
    await expect.poll(bars).toEqual(['2', '2', '2']);
    await table().getByText('6 connections, 6 more have room').waitFor();
    await fleet.open(3, '/chat/');
    await expect.poll(bars, { timeout: 3000 }).toEqual(['3', '3', '3']);
  });

  it('says of a pod that it takes no new connections', async () => {
    const pod = `chat/127.0.0.1:${fleet.podAt(1).port}`;
    const url = `http://127.0.0.1:${fleet.gate.httpPort}/v1/pods/${encodeURIComponent(pod)}/cordon`;
    expect((await fetch(url, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{}' })).ok).toBe(
      true,
    );
    await table()
      .getByRole('row')
      .filter({ hasText: String(fleet.podAt(1).port) })
      .getByText('cordoned')
      .waitFor();
    expect(await seriousFaults(page)).toEqual([]);
  });
});
