/** The configuration and its mistakes, for people to read. No secret gets out here. */

import { stringify } from 'yaml';
import { type Leaf, leaves } from './keys.ts';
import type { Mistake } from './mistakes.ts';
import { type Config, toNotation } from './schema.ts';
import { isSection, putAt, type Section, valueAt } from './tree.ts';

/** The whole configuration as YAML, in the notation of the file: defaults filled in, secrets masked. */
export function describeConfig(config: Config): string {
  const shown: Section = {};
  const absent: string[] = [];
  for (const leaf of leaves) {
    const value = valueAt(toNotation(config), leaf.path);
    if (value === undefined) absent.push(`# not set: ${leaf.path.join('.')}\n`);
    else putAt(shown, leaf.path, masked(leaf, value));
  }
  return stringify(shown, { lineWidth: 0 }) + absent.join('');
}

/** One mistake a paragraph: where, which key, what stands there, and what was expected. */
export function describeMistakes(mistakes: readonly Mistake[]): string {
  return mistakes
    .map(({ path, value, expected, source }) => {
      const where = path === '' || path === source ? source : `${source}: ${path}`;
      return `${where}\n${value === undefined ? '' : `  found:    ${value}\n`}  expected: ${expected}\n`;
    })
    .join('');
}

/** A leaf's value without what is secret in it. */
export function masked({ mask }: Leaf, value: unknown): unknown {
  if (mask === undefined) return value;
  return Array.isArray(value) ? value.map((item) => maskedItem(mask, item)) : mask(String(value));
}

/** Of a map, such as a token with its name and scopes, what is called `token` is the secret. */
function maskedItem(mask: (text: string) => string, item: unknown): unknown {
  return isSection(item) && 'token' in item ? { ...item, token: mask(String(item.token)) } : mask(String(item));
}
