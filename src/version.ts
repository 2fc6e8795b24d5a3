/** The version of this program, from package.json. */

import { readFileSync } from 'node:fs';

/** The same place from `src` and from `dist`. */
const PACKAGE = new URL('../package.json', import.meta.url);

export function version(): string {
  return (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version;
}
