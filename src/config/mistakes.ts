/** What is wrong in a configuration, in words that are enough to mend it. */

import type { z } from 'zod';
import { nearest } from '../nearest.ts';
import { knownKeys, leafAt, leaves } from './keys.ts';
import { configSchema, toNotation } from './schema.ts';
import { isSection, type Path, pathText, valueAt } from './tree.ts';

export interface Mistake {
  /** The key's path, such as `pods.from[1].path`; of an unknown variable its name; empty for the file as a whole. */
  readonly path: string;
  /** What stands there, secrets masked. Absent when nothing does, or when it may be a secret in the wrong place. */
  readonly value?: string;
  readonly expected: string;
  /** `file:line:column`, or the variable's name. */
  readonly source: string;
}

/** Where the value at a path comes from, or its key: `file:line:column`, or the variable's name. */
export type SourceOf = (path: Path, which: 'key' | 'value') => string;

const VALUE_LENGTH_MAX = 80;

export function mistakesOf(issue: z.core.$ZodIssue, tree: unknown, sourceOf: SourceOf): Mistake[] {
  const { path } = issue;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: pathText([...path, key]),
        expected: meantKey(path, key),
        source: sourceOf([...path, key], 'key'),
      }));
    case 'invalid_key': {
      const expected = issue.issues[0]?.message ?? issue.message;
      return [{ path: pathText(path), expected, source: sourceOf(path, 'key') }];
    }
    case 'custom':
      if (isRule(issue.params)) return [brokenRule(issue, issue.params.keys, tree, sourceOf)];
      break;
    case 'invalid_type':
      if (issue.expected === 'object' || issue.expected === 'record') {
        return [mistakeAt(path, valueAt(tree, path), 'a map of keys', sourceOf)];
      }
      break;
  }
  return [mistakeAt(path, valueAt(tree, path), issue.message, sourceOf)];
}

export function mistakeAt(path: Path, value: unknown, expected: string, sourceOf: SourceOf): Mistake {
  const shown = value === undefined ? {} : { value: valueText(path, value) };
  return { path: pathText(path), ...shown, expected, source: sourceOf(path, 'value') };
}

export function unknownVariable(name: string, known: readonly string[]): Mistake {
  const meant = nearest(name, known);
  return { path: name, expected: `a known variable${meant === undefined ? '' : `, perhaps ${meant}`}`, source: name };
}

export function isRule(params: unknown): params is { keys: readonly string[] } {
  return isSection(params) && Array.isArray(params.keys);
}

/** A rule may be broken by a default. Then the mistake's source is another key of the rule, one that is set. */
function brokenRule(
  { path, message }: z.core.$ZodIssue,
  keys: readonly string[],
  tree: unknown,
  sourceOf: SourceOf,
): Mistake {
  const set = keys.map((key) => key.split('.')).find((key) => valueAt(tree, key) !== undefined) ?? path;
  const source = sourceOf(set, 'value');
  const value = valueAt(tree, path);
  if (value !== undefined) return { path: pathText(path), value: valueText(path, value), expected: message, source };
  const byDefault = valueAt(toNotation(configSchema.parse({})), path);
  const shown = byDefault === undefined ? {} : { value: `${valueText(path, byDefault)} (the default)` };
  return { path: pathText(path), ...shown, expected: message, source };
}

function meantKey(path: Path, key: string): string {
  const here = knownKeys(path);
  const meant =
    nearest(key, here) ?? leaves.map((leaf) => leaf.path.join('.')).find((leaf) => leaf.endsWith(`.${key}`));
  if (meant !== undefined) return `a known key, perhaps ${meant}`;
  return here.length === 0 ? 'a known key' : `one of the keys: ${here.join(', ')}`;
}

/** Of a value in a place that no key has, only the kind is told: it may be a secret in the wrong place. */
function valueText(path: Path, value: unknown): string {
  const leaf = leafAt(path);
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  if (leaf === undefined) return `a ${typeof value}`;
  const text = leaf.mask?.(String(value)) ?? String(value);
  const cut = text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text;
  return /^[\x21-\x7e][\x20-\x7e…]*$/.test(cut) ? cut : JSON.stringify(cut);
}
