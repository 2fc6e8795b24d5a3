/**
 * `npm run screenshots -- --seconds 150`: the README's pictures of the dashboard, of a real fleet. Its WebSockets come and
 * go for so long, so that there are rates and a history to see, and end as the playground's table.
 */

import { mkdirSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../lab/fleet/chromium.ts';
import { Fleet } from '../lab/fleet/fleet.ts';
import { TABLE } from '../lab/fleet/table.ts';
import { comeAndGo } from './screenshots/traffic.ts';

const IMAGES = fileURLToPath(new URL('../docs/images/', import.meta.url));
const BYTES_MAX = 150_000;
const VIEWPORT = { width: 1280, height: 720 };
const LIMIT = 100;
/** The page hears of rates every 5 s. */
const RATES_MS = 6000;

async function main(seconds: number): Promise<void> {
  mkdirSync(IMAGES, { recursive: true });
  await using undo = new AsyncDisposableStack();
  const names = Object.keys(Object.values(TABLE)[0] ?? {});
  const limits = { default: { connections: LIMIT } };
  const fleet = await Fleet.start({ pods: names, proxies: Object.keys(TABLE), config: { limits } });
  undo.defer(() => fleet.stop());
  const browser = await launchChromium();
  undo.defer(() => browser.close());
  const url = `http://127.0.0.1:${fleet.gate.httpPort}/`;
  const dark = await visit(browser, url, 'dark');
  const light = await visit(browser, url, 'light');

  const edges = Object.fromEntries(fleet.envoys.map(({ name, port }) => [name, `ws://127.0.0.1:${port}`]));
  const clients = await comeAndGo(edges, seconds);
  undo.defer(() => {
    for (const client of clients) client.terminate();
  });

  await delay(RATES_MS);
  for (const [page, name] of [
    [dark, 'overview-dark'],
    [light, 'overview-light'],
  ] as const) {
    await page.getByText('100 of 100').waitFor();
    await page.getByRole('log').getByText('connection.denied').first().waitFor();
    await page.getByRole('table', { name: 'Proxies and pods' }).getByText('240').waitFor();
    await picture(page, name);
  }
  await dark.goto(`${url}#/pods/pod2`);
  await dark
    .getByRole('button', { name: /^Release / })
    .first()
    .waitFor();
  await picture(dark, 'pod');
}

async function visit(browser: Browser, url: string, colorScheme: 'dark' | 'light'): Promise<Page> {
  const page = await browser.newPage({ viewport: VIEWPORT, colorScheme });
  await page.goto(url);
  await page.getByText('gates 1').waitFor();
  return page;
}

async function picture(page: Page, name: string): Promise<void> {
  const path = `${IMAGES}${name}.png`;
  await page.screenshot({ path });
  const { size } = statSync(path);
  if (size > BYTES_MAX) throw new Error(`${path} has ${size} bytes: more than ${BYTES_MAX}`);
  console.log(`${path}: ${size} bytes`);
}

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '150' } } });
await main(Number(values.seconds));
