/**
 * `dist/dashboard`: the page that every gate serves, built from `dashboard/` by Vite.
 */

import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inScratch, root } from './cache.mjs';
import { quietly } from './child.mjs';
import { step } from './step.mjs';

const PLACE = join(root, 'dist/dashboard');
/** What the page is made of: itself, the hub's client, and the libraries of the lockfile. */
const SOURCES = ['dashboard', 'src/client', 'package-lock.json'];

/** Builds it if a source is newer. */
export async function provideDashboard() {
  const built = statSync(join(PLACE, 'index.html'), { throwIfNoEntry: false });
  if (built !== undefined && newestMs() <= built.mtimeMs) return;
  await step('dashboard', buildDashboard);
}

export function buildDashboard() {
  return inScratch(async (scratch) => {
    const made = join(scratch, 'made');
    // Built aside: a gate that starts meanwhile finds all of the page or none.
    await quietly(join(root, 'node_modules/.bin/vite'), ['build', 'dashboard', '--outDir', made], { cwd: root });
    mkdirSync(dirname(PLACE), { recursive: true });
    rmSync(PLACE, { recursive: true, force: true });
    renameSync(made, PLACE);
  });
}

function newestMs() {
  return Math.max(
    ...SOURCES.flatMap((source) => {
      const path = join(root, source);
      const found = statSync(path);
      const inside = found.isDirectory() ? readdirSync(path, { recursive: true, encoding: 'utf8' }) : [];
      return [found.mtimeMs, ...inside.map((name) => statSync(join(path, name)).mtimeMs)];
    }),
  );
}
