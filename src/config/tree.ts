/** Configuration as it was written: plain values, not yet judged. */

import type { Path } from './keys.ts';

export type Section = Record<string, unknown>;

export function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path, or `undefined` when nothing stands there. */
export function valueAt(tree: unknown, path: Path): unknown {
  let value = tree;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Object.entries(value).find(([key]) => key === String(part))?.[1];
  }
  return value;
}

/** Puts a value at a path, in place of anything on the way that is no section, and answers with that. */
export function putAt(tree: Section, path: readonly string[], value: unknown): Replaced | undefined {
  let section = tree;
  let replaced: Replaced | undefined;
  for (const [depth, key] of path.slice(0, -1).entries()) {
    const below = section[key];
    if (isSection(below)) {
      section = below;
      continue;
    }
    if (below !== undefined) replaced = { path: path.slice(0, depth + 1), value: below };
    const opened: Section = {};
    section[key] = opened;
    section = opened;
  }
  section[path.at(-1) ?? ''] = value;
  return replaced;
}

export interface Replaced {
  readonly path: Path;
  readonly value: unknown;
}
