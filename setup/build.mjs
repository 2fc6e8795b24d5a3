/**
 * `dist/`: the sources as plain JavaScript, the files they read, and the dashboard.
 */

import { chmodSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './cache.mjs';
import { run } from './child.mjs';
import { buildDashboard } from './dashboard.mjs';

/** @returns {Promise<import('./child.mjs').Ending>} */
export async function build() {
  const dist = join(root, 'dist');
  rmSync(dist, { recursive: true, force: true });
  const ending = await run(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json'], { cwd: root });
  if (ending.code !== 0) return ending;
  const declared = await run(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.client.json'], { cwd: root });
  if (declared.code !== 0) return declared;
  cpSync(join(root, 'src'), dist, { recursive: true, filter: (path) => !path.endsWith('.ts') });
  const main = join(dist, 'main.js');
  const text = readFileSync(main, 'utf8');
  const [shebang] = readFileSync(join(root, 'src/main.ts'), 'utf8').split('\n', 1);
  if (!text.startsWith('#!')) writeFileSync(main, `${shebang}\n${text}`);
  chmodSync(main, 0o755);
  await buildDashboard();
  return ending;
}
