/**
 * `npm run screenshots -- --seconds 150`: pictures of the dashboard. Those of the README go to docs/images/; to
 * .cache/screenshots/ go those to look at after a change: wide and on a phone, light and dark, of three pods and of 1,000.
 *
 * Three pods have real Envoys. Their WebSockets come and go for so long, so that there are rates and a history to see, and
 * end as the playground's table.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../lab/fleet/chromium.ts';
import { Fleet } from '../lab/fleet/fleet.ts';
import { startGate } from '../lab/fleet/gate.ts';
import { TABLE } from '../lab/fleet/table.ts';
import { fillRedis } from '../lab/redis/fill.ts';
import { startRedis } from '../lab/redis/server.ts';
import { SCHEMES, type Size, takePicture, visit } from './screenshots/camera.ts';
import { manyPods } from './screenshots/many-pods.ts';
import { comeAndGo } from './screenshots/traffic.ts';

const README_IMAGES = fileURLToPath(new URL('../docs/images/', import.meta.url));
const TO_LOOK_AT = fileURLToPath(new URL('../.cache/screenshots/', import.meta.url));
const BYTES_MAX = 150_000;
const README_SIZE: Size = { width: 1280, height: 720 };
const SIZES: Readonly<Record<string, Size>> = {
  wide: { width: 1440, height: 900 },
  phone: { width: 390, height: 844 },
};
const LIMIT = 100;
/** The page hears of rates every 5 s. */
const RATES_MS = 6000;

async function main(seconds: number): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const browser = await launchChromium();
  undo.defer(() => browser.close());
  await threePods(browser, seconds);
  await thousandPods(browser);
}

async function threePods(browser: Browser, seconds: number): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const names = Object.keys(Object.values(TABLE)[0] ?? {});
  const limits = { default: { connections: LIMIT } };
  const fleet = await Fleet.start({ pods: names, proxies: Object.keys(TABLE), config: { limits } });
  undo.defer(() => fleet.stop());
  const url = `http://127.0.0.1:${fleet.gate.httpPort}/`;
  // From the start: what a page hears itself is finer than the history of the gate.
  const dark = await visit(browser, url, 'dark', README_SIZE);
  const light = await visit(browser, url, 'light', README_SIZE);
  const edges = Object.fromEntries(fleet.envoys.map(({ name, port }) => [name, `ws://127.0.0.1:${port}`]));
  const clients = await comeAndGo(edges, seconds);
  undo.defer(() => {
    for (const client of clients) client.terminate();
  });

  await delay(RATES_MS);
  const toReadme = { bytesMax: BYTES_MAX };
  for (const [page, name] of [
    [dark, 'overview-dark'],
    [light, 'overview-light'],
  ] as const) {
    await overviewIsThere(page);
    await takePicture(page, README_IMAGES, name, toReadme);
  }
  await goToPod(dark, url);
  await takePicture(dark, README_IMAGES, 'pod', toReadme);
  await Promise.all([dark.close(), light.close()]);
  await eachSizeAndScheme(browser, url, async (page, name) => {
    await overviewIsThere(page);
    await delay(RATES_MS);
    await takePicture(page, TO_LOOK_AT, `3-pods-${name}`, { whole: true });
    await goToPod(page, url);
    await takePicture(page, TO_LOOK_AT, `pod-${name}`);
    await page
      .getByRole('button', { name: /^Release / })
      .first()
      .click();
    await page.getByRole('dialog').waitFor();
    await takePicture(page, TO_LOOK_AT, `release-${name}`);
    await page.keyboard.press('Escape');
    await page.goto(`${url}#/events`);
    await page.getByRole('heading', { level: 1, name: 'Events' }).waitFor();
    await takePicture(page, TO_LOOK_AT, `events-${name}`);
  });
}

async function thousandPods(browser: Browser): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const redis = await startRedis();
  undo.defer(() => redis.stop());
  const { pods, proxies } = manyPods(LIMIT);
  await fillRedis(redis.url, pods, proxies);
  const store = { url: redis.url, deadline: '4s' };
  const limits = { default: { connections: LIMIT } };
  const gate = await startGate({ config: { store, limits, lease: { recovery: '0s' } } });
  undo.defer(() => gate.stop());
  await eachSizeAndScheme(browser, `http://127.0.0.1:${gate.httpPort}/`, async (page, name) => {
    await page.getByText('of 1,000').waitFor();
    await page.getByText(/^max /).first().or(page.getByText('no history yet').first()).waitFor({ state: 'attached' });
    await takePicture(page, TO_LOOK_AT, `1000-pods-${name}`, { whole: true });
    await page.getByRole('button', { name: 'Pod', exact: true }).click();
    await takePicture(page, TO_LOOK_AT, `1000-pods-by-name-${name}`);
  });
}

async function eachSizeAndScheme(
  browser: Browser,
  url: string,
  work: (page: Page, name: string) => Promise<void>,
): Promise<void> {
  for (const [kind, size] of Object.entries(SIZES)) {
    for (const scheme of SCHEMES) {
      const page = await visit(browser, url, scheme, size);
      await work(page, `${kind}-${scheme}`);
      await page.close();
    }
  }
}

async function overviewIsThere(page: Page): Promise<void> {
  await page.getByText('100 of 100').waitFor();
  await page.getByRole('log').getByText('connection.denied').first().waitFor();
  await page.getByRole('table', { name: 'Proxies and pods' }).getByText('240').waitFor();
}

async function goToPod(page: Page, url: string): Promise<void> {
  await page.goto(`${url}#/pods/pod2`);
  await page
    .getByRole('button', { name: /^Release / })
    .first()
    .waitFor();
}

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '150' } } });
await main(Number(values.seconds));
