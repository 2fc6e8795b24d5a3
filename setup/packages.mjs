/**
 * `node_modules`, as package-lock.json has it.
 */

import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inScratch, root } from './cache.mjs';
import { quietly } from './child.mjs';
import { step } from './step.mjs';

const LOCKFILE = join(root, 'package-lock.json');
const PLACE = join(root, 'node_modules');
const STAMP = '.wsgate-stamp';

/** @param {string} nodeVersion */
export async function providePackages(nodeVersion) {
  const wanted = stamp(nodeVersion);
  if (isCurrent(wanted)) return;
  await step('npm packages', () =>
    inScratch(async (scratch) => {
      for (const file of ['package.json', 'package-lock.json', '.npmrc']) {
        if (existsSync(join(root, file))) copyFileSync(join(root, file), join(scratch, file));
      }
      // Installed aside: `npm ci` in place would take the packages from under a playground or a test run.
      await quietly('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: scratch });
      writeFileSync(join(scratch, 'node_modules', STAMP), wanted);
      putInPlace(scratch, wanted);
    }),
  );
}

/** @param {string} nodeVersion */
function stamp(nodeVersion) {
  const lock = createHash('sha256').update(readFileSync(LOCKFILE)).digest('hex');
  return `${lock} ${nodeVersion} ${process.platform}-${process.arch}\n`;
}

/** @param {string} wanted */
function isCurrent(wanted) {
  if (existsSync(join(PLACE, STAMP))) return readFileSync(join(PLACE, STAMP), 'utf8') === wanted;
  // Installed by hand. npm writes its own lockfile last, so one that is there is of a finished install.
  const installed = statSync(join(PLACE, '.package-lock.json'), { throwIfNoEntry: false });
  return installed !== undefined && installed.mtimeMs >= statSync(LOCKFILE).mtimeMs;
}

/**
 * Two runs at once both get here; what either of them puts in place is good for both.
 *
 * @param {string} scratch
 * @param {string} wanted
 */
function putInPlace(scratch, wanted) {
  try {
    renameSync(PLACE, join(scratch, 'replaced'));
  } catch (error) {
    if (existsSync(PLACE)) throw error;
  }
  try {
    renameSync(join(scratch, 'node_modules'), PLACE);
  } catch (error) {
    if (!isCurrent(wanted)) throw error;
  }
}
