/**
 * The sources of the last version, to run beside those of this one: the commit in the file `last-version`, from this
 * repository's history. Its packages are those of this version.
 */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached, root } from '../../setup/cache.mjs';

const exec = promisify(execFile);
const git = (...args: readonly string[]) => exec('git', ['-C', root, ...args]);

/** What a gate needs to run. */
const SOURCES = ['package.json', 'src', 'proto'];
const commit = readFileSync(new URL('./last-version', import.meta.url), 'utf8').trim();

export type LastVersion = { readonly ok: true; readonly main: string } | { readonly ok: false; readonly why: string };

/** `main`: the file to start. */
export async function findLastVersion(): Promise<LastVersion> {
  try {
    await git('rev-parse', '--git-dir');
  } catch {
    return { ok: false, why: 'this is no git checkout, so there is no last version to run' };
  }
  if (!(await isHere()) && !(await isFetched())) {
    return {
      ok: false,
      why: `the last version is commit ${commit}, which this checkout does not have: git fetch --unshallow`,
    };
  }
  const folder = await cached(`version-${commit}`, async (into) => {
    const archive = join(into, 'sources.tar');
    await git('archive', '--output', archive, commit, ...SOURCES);
    await exec('tar', ['-xf', archive, '-C', into]);
  });
  return { ok: true, main: join(folder, 'src/main.ts') };
}

function isHere(): Promise<boolean> {
  return succeeds('cat-file', '-e', `${commit}^{commit}`);
}

/** A checkout of CI may be shallow. */
function isFetched(): Promise<boolean> {
  return succeeds('fetch', '--quiet', '--depth', '1', 'origin', commit);
}

async function succeeds(...args: readonly string[]): Promise<boolean> {
  try {
    await git(...args);
    return true;
  } catch {
    return false;
  }
}
