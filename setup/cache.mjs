/**
 * `.cache/`: what set-up brings. A folder there is complete or absent: it is filled under another name and then
 * renamed, so a run that is interrupted leaves nothing half-done, and two runs at once do not disturb each other.
 */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(root, '.cache');

/** A killed run cannot clean up after itself; a later one does, once nobody can still be at work in there. */
const ABANDONED_AFTER_MS = 3_600_000;

/**
 * @param {string} name
 * @param {(folder: string) => Promise<void>} fill
 * @returns {Promise<string>} the folder's path
 */
export async function cached(name, fill) {
  const place = join(cache, name);
  if (existsSync(place)) return place;
  return inScratch(async (scratch) => {
    const folder = join(scratch, name);
    mkdirSync(folder);
    await fill(folder);
    try {
      renameSync(folder, place);
    } catch (error) {
      // Another run was faster. Its folder is as good.
      if (!existsSync(place)) throw error;
    }
    return place;
  });
}

/**
 * Lends a folder that is gone afterwards, on the same file system as the project.
 *
 * @template T
 * @param {(scratch: string) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function inScratch(work) {
  mkdirSync(cache, { recursive: true });
  for (const name of readdirSync(cache)) {
    if (name.startsWith('scratch-')) removeIfAbandoned(join(cache, name));
  }
  const scratch = mkdtempSync(join(cache, 'scratch-'));
  try {
    return await work(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** @param {string} folder */
function removeIfAbandoned(folder) {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found !== undefined && Date.now() - found.mtimeMs > ABANDONED_AFTER_MS) {
    rmSync(folder, { recursive: true, force: true });
  }
}
