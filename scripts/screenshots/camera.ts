/** Takes pictures of the dashboard, and refuses large ones: they are kept in the repository. */

import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';

export type Scheme = 'light' | 'dark';
export const SCHEMES: readonly Scheme[] = ['light', 'dark'];

export interface Size {
  readonly width: number;
  readonly height: number;
}

export async function visit(browser: Browser, url: string, colorScheme: Scheme, viewport: Size): Promise<Page> {
  const page = await browser.newPage({ viewport, colorScheme });
  await page.goto(url);
  await page.getByText('gates 1').waitFor();
  return page;
}

/** `whole`: all of the page, beyond the window. Throws when the file has more than `bytesMax`. */
export async function takePicture(
  page: Page,
  folder: string,
  name: string,
  { whole = false, bytesMax = Number.POSITIVE_INFINITY } = {},
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path, fullPage: whole });
  const { size } = statSync(path);
  if (size > bytesMax) throw new Error(`${path} has ${size} bytes: more than ${bytesMax}`);
  console.log(`${path}: ${size} bytes`);
}
