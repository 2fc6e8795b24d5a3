/**
 * From the file's text and the environment to a `Config`, or to every mistake in them at once.
 *
 * A variable wins over the file, the file over `REDIS_URL`, and that over the defaults. An empty variable counts as
 * absent, and so does a section of the file that holds no key.
 */

import { knownKeys, type Leaf, leafAt, leaves } from './keys.ts';
import { isRule, type Mistake, mistakeAt, mistakesOf, type Origin, unknownVariable } from './mistakes.ts';
import { type Config, configSchema } from './schema.ts';
import { isSection, type Path, pathText, putAt, type Section, valueAt } from './tree.ts';
import {
  type Environment,
  knownVariables,
  REDIS_URL,
  unknownVariables,
  valueOfVariable,
  variableOf,
} from './variables.ts';
import { readYaml, type YamlText } from './yaml-text.ts';

export interface ConfigInput {
  /** The YAML file's text; absent when there is no file. */
  readonly text?: string;
  /** The file's name, for mistakes. */
  readonly file?: string;
  readonly env: Environment;
}

/** For places in a file: no line is longer. */
const COLUMNS_MAX = 100_000;

export type LoadedConfig =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

export function loadConfig({ text = '', file = 'config', env }: ConfigInput): LoadedConfig {
  const yaml = readYaml(text);
  const section = sectionOf(yaml);
  const tree = section ?? {};
  const variables = new Map<Leaf, string>();
  const origin: Origin = {
    sourceOf: (path, which) => variableAt(path, tree, variables) ?? `${file}:${yaml.positionOf(path, which)}`,
    isQuoted: (path) => variableAt(path, tree, variables) === undefined && yaml.isQuoted(path),
  };

  const mistakes: Mistake[] = yaml.faults.map(({ path, expected, position }) => ({
    path: pathText(path),
    expected,
    source: `${file}:${position}`,
  }));
  mistakes.push(...unknownVariables(env).map((name) => unknownVariable(name, knownVariables)));

  if (section === undefined) mistakes.push(mistakeAt([], yaml.value, 'a map of keys', origin));
  mistakes.push(...addVariables(tree, env, variables, origin));

  const parsed = configSchema.safeParse(tree);
  if (parsed.success && mistakes.length === 0) return { ok: true, config: parsed.data };

  const fileIsKnown = section !== undefined && yaml.value !== undefined;
  for (const issue of parsed.error?.issues ?? []) {
    // Without the file, what holds between keys cannot be told, nor which keys are missing.
    if (!fileIsKnown && ('params' in issue ? isRule(issue.params) : valueAt(tree, issue.path) === undefined)) continue;
    mistakes.push(...mistakesOf(issue, tree, origin));
  }
  return { ok: false, mistakes: mistakes.sort((a, b) => placeOf(a) - placeOf(b) || 0) };
}

/** Where each value that is set comes from: `file:line:column`, or a variable. For an input that has no mistake. */
export function originsOf({ text = '', file = 'config', env }: ConfigInput): ReadonlyMap<Leaf, string> {
  const yaml = readYaml(text);
  const tree = sectionOf(yaml) ?? {};
  const set = leaves.map((leaf): [Leaf, string | undefined] => {
    const variable = variableFor(leaf, env, tree);
    if (variable !== undefined) return [leaf, variable];
    const isInFile = valueAt(tree, leaf.path) !== undefined;
    return [leaf, isInFile ? `${file}:${yaml.positionOf(leaf.path, 'value')}` : undefined];
  });
  return new Map(set.filter((each): each is [Leaf, string] => each[1] !== undefined));
}

/** In the order of the file; variables after it. */
function placeOf({ source }: Mistake): number {
  const [, line, column] = /:(\d+):(\d+)$/.exec(source) ?? [];
  return line === undefined ? Number.POSITIVE_INFINITY : Number(line) * COLUMNS_MAX + Number(column);
}

/** The file's keys; `undefined` when the file is no map of keys. */
function sectionOf({ value = null }: YamlText): Section | undefined {
  if (value === null) return {};
  if (!isSection(value)) return undefined;
  dropEmptySections(value, []);
  return value;
}

/** A section whose keys are all commented out reads as null. */
function dropEmptySections(section: Section, path: Path): void {
  for (const key of knownKeys(path)) {
    const below = section[key];
    if (leafAt([...path, key]) !== undefined) continue;
    if (below === null) delete section[key];
    if (isSection(below)) dropEmptySections(below, [...path, key]);
  }
}

/** Puts each variable's value in its place, and notes in `variables` that it came from there. */
function addVariables(tree: Section, env: Environment, variables: Map<Leaf, string>, origin: Origin): Mistake[] {
  return leaves.flatMap((leaf) => {
    const name = variableFor(leaf, env, tree);
    const text = name && env[name];
    if (!name || !text) return [];
    const { value, faults } = valueOfVariable(leaf, text);
    const mistakes = faults.map((expected) => ({ path: pathText(leaf.path), expected, source: name }));
    if (value === undefined) return mistakes;
    const replaced = putAt(tree, leaf.path, value);
    if (replaced) mistakes.push(mistakeAt(replaced.path, replaced.value, 'a map of keys', origin));
    variables.set(leaf, name);
    return mistakes;
  });
}

function variableFor(leaf: Leaf, env: Environment, tree: Section): string | undefined {
  const name = variableOf(leaf.path);
  if (env[name]) return name;
  const mayBeRedisUrl = pathText(leaf.path) === 'store.url' && valueAt(tree, leaf.path) === undefined;
  return mayBeRedisUrl && env[REDIS_URL] ? REDIS_URL : undefined;
}

/** The variable that the value at a path came from or, where a value is missing, that opened its section. */
function variableAt(path: Path, tree: Section, variables: ReadonlyMap<Leaf, string>): string | undefined {
  const leaf = leafAt(path);
  if (leaf === undefined) return undefined;
  if (valueAt(tree, leaf.path) !== undefined) return variables.get(leaf);
  const section = pathText(leaf.path.slice(0, -1));
  return [...variables].find(([other]) => pathText(other.path.slice(0, -1)) === section)?.[1];
}
