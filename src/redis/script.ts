/** A Lua script: a file of its own, read once, and known to Redis by the SHA-1 of its text. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Script {
  readonly name: string;
  readonly source: string;
  readonly sha: string;
}

/** A line that stands for the text of another file: Redis lets no script load one. */
const INCLUDE = /^-- @include (\w+)$/m;

/** `folder`: the `import.meta.url` of a module in the script's folder. Throws when there is no such file. */
export function loadScript(name: string, folder: string): Script {
  const read = (file: string) => readFileSync(new URL(`./${file}.lua`, folder), 'utf8');
  const source = read(name).replace(INCLUDE, (_, other: string) => read(other).trimEnd());
  return { name, source, sha: createHash('sha1').update(source).digest('hex') };
}
