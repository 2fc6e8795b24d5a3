/** The configuration as it is written, in plain values that nobody has checked, and the places in it. */

/** A place in the configuration: keys, and indices of lists. */
export type Path = readonly PropertyKey[];

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

/** Puts a value at a path. What stands on the way and is no section is replaced, and returned. */
export function putAt(
  tree: Section,
  path: readonly string[],
  value: unknown,
): { readonly path: Path; readonly value: unknown } | undefined {
  let section = tree;
  let replaced: ReturnType<typeof putAt>;
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

/** `limits.pods["pod.a"].connections`, `pods.from[1].path`. */
export function pathText(path: Path): string {
  return path
    .map((part) => {
      if (typeof part === 'number') return `[${part}]`;
      return /^[\w-]+$/.test(String(part)) ? `.${String(part)}` : `[${JSON.stringify(part)}]`;
    })
    .join('')
    .replace(/^\./, '');
}
