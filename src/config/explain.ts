/** Each key of the configuration on a line: its value, where that comes from, and a `*` where it is not the default. */

import { isDeepStrictEqual } from 'node:util';
import { masked } from './describe.ts';
import { type Leaf, leaves } from './keys.ts';
import { type ConfigInput, originsOf } from './load.ts';
import { formatDuration } from './notations.ts';
import { type Config, configSchema, keepaliveOf, recoveryOf, reserveOf, toNotation } from './schema.ts';
import { valueAt } from './tree.ts';

/** Where the sources stand, if the values leave room. */
const SOURCE_COLUMN = 56;

/** Keys that follow another key while they are not set. */
const FOLLOWING: Readonly<Record<string, (config: Config) => number>> = {
  'lease.reserve': reserveOf,
  'lease.recovery': recoveryOf,
  'listen.keepalive': (config) => keepaliveOf(config).everyMs,
  'listen.keepaliveTimeout': (config) => keepaliveOf(config).timeoutMs,
};

/** `config`: what was loaded from `input`. No secret gets out. */
export function explainConfig(config: Config, input: ConfigInput): string {
  const [values, defaults] = [toNotation(config), toNotation(configSchema.parse({}))];
  const origins = originsOf(input);
  const lines = leaves.map((leaf) => {
    const value = valueAt(values, leaf.path);
    const isDefault = isDeepStrictEqual(value, valueAt(defaults, leaf.path));
    const { text, source } = told(leaf, value, config, origins.get(leaf));
    return `${`${isDefault ? ' ' : '*'} ${leaf.path.join('.')}: ${text}`.padEnd(SOURCE_COLUMN)}  ${source}\n`;
  });
  return `${lines.join('')}* is not the default\n`;
}

function told(leaf: Leaf, value: unknown, config: Config, source = 'default'): { text: string; source: string } {
  if (value !== undefined) return { text: oneLine(masked(leaf, value)), source };
  const following = FOLLOWING[leaf.path.join('.')];
  return following
    ? { text: formatDuration(following(config)), source: 'default, by lease.ttl' }
    : { text: 'not set', source: 'default' };
}

function oneLine(value: unknown): string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : JSON.stringify(value);
}
