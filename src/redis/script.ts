/** A Lua script: a file of its own, read once, and known to Redis by the SHA-1 of its text. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Script {
  readonly name: string;
  readonly source: string;
  readonly sha: string;
}

/** `folder`: the `import.meta.url` of a module in the script's folder. Throws when there is no such file. */
export function loadScript(name: string, folder: string): Script {
  const source = readFileSync(new URL(`./${name}.lua`, folder), 'utf8');
  return { name, source, sha: createHash('sha1').update(source).digest('hex') };
}
