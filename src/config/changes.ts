/** What differs between two configurations, and what of it a running gate can take over. */

import { isDeepStrictEqual } from 'node:util';
import { leaves } from './keys.ts';
import { type Config, toNotation } from './schema.ts';
import { valueAt } from './tree.ts';

/** Keys that change while a gate runs. All others are read at its start. */
const LIVE: ReadonlySet<string> = new Set(['limits.default.connections', 'limits.pods', 'services', 'log.level']);

export interface Changes {
  readonly live: readonly string[];
  readonly needRestart: readonly string[];
}

export function changesBetween(before: Config, after: Config): Changes {
  const [old, fresh] = [toNotation(before), toNotation(after)];
  const changed = leaves
    .filter(({ path }) => !isDeepStrictEqual(valueAt(old, path), valueAt(fresh, path)))
    .map(({ path }) => path.join('.'));
  return { live: changed.filter((key) => LIVE.has(key)), needRestart: changed.filter((key) => !LIVE.has(key)) };
}
