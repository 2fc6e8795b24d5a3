/**
 * What V8 has compiled is kept on disk, for the next start. In the user's own folder: whoever can write there can have this
 * process run any code, so it is never the folder for temporary files, as it is by Node's default.
 */

import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

/** Where that folder cannot be written, nothing is kept. NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE win. */
export function cacheCompiledCode({ NODE_COMPILE_CACHE, CACHE_DIRECTORY, HOME }: NodeJS.ProcessEnv): void {
  if (NODE_COMPILE_CACHE) return; // it is on already
  // systemd names a CacheDirectory= of its unit.
  const folder = CACHE_DIRECTORY || HOME;
  // Node would make a home that is not there; below /proc it would try for ever.
  if (!folder || !existsSync(folder)) return;
  enableCompileCache(folder === HOME ? join(folder, '.cache/wsgate') : folder);
}
