/** What is wrong in a configuration, in words that are enough to mend it. */

import type { z } from 'zod';
import { nearest } from '../nearest.ts';
import { knownKeys, leafAt, places } from './keys.ts';
import { configSchema, toNotation } from './schema.ts';
import { isSection, type Path, pathText, valueAt } from './tree.ts';
import { PREFIX } from './variables.ts';

export interface Mistake {
  /** The key's path, such as `pods.from[1].path`; of an unknown variable its name; empty for the file as a whole. */
  readonly path: string;
  /** What stands there, secrets masked. Absent when nothing does, or when it may be a secret in the wrong place. */
  readonly value?: string;
  readonly expected: string;
  /** `file:line:column`, or the variable's name. */
  readonly source: string;
}

export interface Origin {
  /** Where the value at a path comes from, or its key: `file:line:column`, or the variable's name. */
  sourceOf(path: Path, which: 'key' | 'value'): string;
  /** Whether quotes stand around it in the file. */
  isQuoted(path: Path): boolean;
}

const VALUE_LENGTH_MAX = 80;

export function mistakesOf(issue: z.core.$ZodIssue, tree: unknown, origin: Origin): Mistake[] {
  const { path } = issue;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: pathText([...path, key]),
        expected: meantKey(path, key),
        source: origin.sourceOf([...path, key], 'key'),
      }));
    case 'invalid_key': {
      const expected = issue.issues[0]?.message ?? issue.message;
      return [{ path: pathText(path), expected, source: origin.sourceOf(path, 'key') }];
    }
    case 'custom':
      if (isRule(issue.params)) return [brokenRule(issue, issue.params.keys, tree, origin)];
      break;
    case 'invalid_union': {
      const unknown = unknownKeysAt(path, valueAt(tree, path));
      if (unknown.length === 0) break;
      return unknown.map((key) => ({
        path: pathText([...path, key]),
        expected: meantKey(path, key),
        source: origin.sourceOf([...path, key], 'key'),
      }));
    }
    case 'invalid_type':
      if (issue.expected === 'object' || issue.expected === 'record') {
        return [mistakeAt(path, valueAt(tree, path), 'a map of keys', origin)];
      }
      break;
  }
  return [mistakeAt(path, valueAt(tree, path), issue.message, origin)];
}

export function mistakeAt(path: Path, value: unknown, expected: string, origin: Origin): Mistake {
  const shown = value === undefined ? {} : { value: valueText(path, value, origin.isQuoted(path)) };
  return { path: pathText(path), ...shown, expected, source: origin.sourceOf(path, 'value') };
}

export function unknownVariable(name: string, known: readonly string[]): Mistake {
  const meant = nearestVariable(name, known);
  return { path: name, expected: `a known variable${meant === undefined ? '' : `, perhaps ${meant}`}`, source: name };
}

/** By its letters; or the shortest one with the same words in the same order: `WSGATE_TTL` for `WSGATE_LEASE_TTL`. */
function nearestVariable(name: string, known: readonly string[]): string | undefined {
  const shorten = (variable: string) => variable.replace(PREFIX, '');
  const like = nearest(shorten(name), known.map(shorten));
  if (like !== undefined) return PREFIX + like;
  const words = new RegExp(`(^|_)${shorten(name).split('_').map(RegExp.escape).join('_(.*_)?')}(_|$)`);
  const withWords = known.filter((variable) => words.test(shorten(variable)));
  return withWords.sort((a, b) => a.length - b.length)[0];
}

export function isRule(params: unknown): params is { keys: readonly string[] } {
  return isSection(params) && Array.isArray(params.keys);
}

/** A rule may be broken by a default. Then the mistake's source is another key of the rule, one that is set. */
function brokenRule(
  { path, message }: z.core.$ZodIssue,
  keys: readonly string[],
  tree: unknown,
  origin: Origin,
): Mistake {
  const set = keys.map((key) => key.split('.')).find((key) => valueAt(tree, key) !== undefined) ?? path;
  const source = origin.sourceOf(set, 'value');
  const value = valueAt(tree, path);
  if (value !== undefined) {
    const text = valueText(path, value, origin.isQuoted(path));
    return { path: pathText(path), value: text, expected: message, source };
  }
  const byDefault = valueAt(toNotation(configSchema.parse({})), path);
  const shown = byDefault === undefined ? {} : { value: `${valueText(path, byDefault)} (the default)` };
  return { path: pathText(path), ...shown, expected: message, source };
}

/** Of a map where one of several kinds may stand. */
function unknownKeysAt(path: Path, value: unknown): string[] {
  const known = knownKeys(path);
  return isSection(value) ? Object.keys(value).filter((key) => !known.includes(key)) : [];
}

/** A key of the same place that is like it; or one of that name, or like it, elsewhere. */
function meantKey(path: Path, key: string): string {
  const here = knownKeys(path);
  const meant = nearest(key, here) ?? (leafAt(path) === undefined ? elsewhere(key) : undefined);
  if (meant !== undefined) return `a known key, perhaps ${meant}`;
  return here.length === 0 ? 'a known key' : `one of the keys: ${here.join(', ')}`;
}

function elsewhere(key: string): string | undefined {
  const name = nearest(
    key,
    places.map((place) => place.at(-1) ?? ''),
  );
  return places.find((place) => place.at(-1) === name)?.join('.');
}

/** Of a value in a place that no key has, only the kind is told: it may be a secret in the wrong place. */
function valueText(path: Path, value: unknown, isQuoted = false): string {
  const leaf = leafAt(path);
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  if (leaf === undefined) return `a ${typeof value}`;
  const text = leaf.mask?.(String(value)) ?? String(value);
  const cut = text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text;
  return !isQuoted && /^[\x21-\x7e][\x20-\x7e…]*$/.test(cut) ? cut : JSON.stringify(cut);
}
