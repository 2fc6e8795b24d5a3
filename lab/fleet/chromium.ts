/** The system's Chromium: from CHROMIUM_BIN, else by its usual names from the PATH. */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Undefined where there is none. */
export const chromiumProgram = process.env.CHROMIUM_BIN || findOnPath();

/** Rejects where there is none. */
export function launchChromium(): Promise<Browser> {
  if (chromiumProgram === undefined) throw new Error(`no browser: neither CHROMIUM_BIN nor ${NAMES.join(', ')}`);
  // As root, Chromium has no sandbox to be in.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  // Whoever ends this process ends it; the browser goes with the pipe between them.
  return chromium.launch({ executablePath: chromiumProgram, args, handleSIGTERM: false, handleSIGHUP: false });
}

function findOnPath(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
