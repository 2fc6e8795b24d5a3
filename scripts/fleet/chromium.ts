/** The system's Chromium: from CHROMIUM_BIN, else by its usual names from the PATH. */

import { type Browser, chromium } from 'playwright-core';
import { onPath } from '../setup/child.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Undefined where there is none. */
export const chromiumProgram = process.env.CHROMIUM_BIN || NAMES.map(onPath).find((found) => found !== undefined);

/** Rejects where there is none. */
export function launchChromium(): Promise<Browser> {
  if (chromiumProgram === undefined) throw new Error(`no browser: neither CHROMIUM_BIN nor ${NAMES.join(', ')}`);
  // As root, Chromium has no sandbox to be in.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: chromiumProgram, args });
}
