/** YAML as plain values, with what is wrong with it, and where in the text each value stands. */

import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, Scalar } from 'yaml';
import type { Path } from './tree.ts';

interface YamlFault {
  readonly path: Path;
  readonly expected: string;
  /** `line:column`, both from 1. */
  readonly position: string;
}

export interface YamlText {
  /** What the text says; `undefined` when it cannot be read. */
  readonly value: unknown;
  readonly faults: readonly YamlFault[];
  /** Where the value stands, or its key, or else the nearest thing around it. */
  positionOf(path: Path, which: 'key' | 'value'): string;
  /** Whether quotes stand around the value. */
  isQuoted(path: Path): boolean;
}

export function readYaml(text: string): YamlText {
  const lines = new LineCounter();
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${line}:${col}`;
  };
  // Pretty errors quote the lines around them, and those may hold secrets. Repeated keys are found below, by path.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    uniqueKeys: false,
  });
  const faults: YamlFault[] = [...document.errors, ...document.warnings].map(({ code, message, pos }) => ({
    path: [],
    // This message quotes the value.
    expected: `valid YAML: ${code === 'TAG_RESOLVE_FAILED' ? 'a value that begins with ! needs quotes' : message}`,
    position: at(pos[0]),
  }));
  const readable = faults.length === 0;
  if (readable) faults.push(...keyFaults(document.contents, [], at));

  let value: unknown;
  try {
    if (readable) value = document.toJS();
  } catch {
    // An alias without its anchor, or aliases of aliases without end. The message quotes the text.
    faults.push({ path: [], expected: 'valid YAML: aliases (*name) that lead to an anchor', position: at(0) });
  }
  return {
    value,
    faults,
    positionOf: (path, which) => at(offsetOf(document.contents, path, which)),
    isQuoted: (path) => {
      const node = document.getIn(path, true);
      return isScalar(node) && (node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE);
    },
  };
}

function keyFaults(node: unknown, path: Path, at: (offset: number) => string): YamlFault[] {
  if (isSeq(node)) return node.items.flatMap((item, index) => keyFaults(item, [...path, index], at));
  if (!isMap<Node>(node)) return [];
  const seen = new Set<string>();
  return node.items.flatMap(({ key, value }) => {
    const name = nameOf(key);
    const below = keyFaults(value, [...path, name], at);
    const fault = (expected: string) => [
      { path: [...path, name], expected, position: at(key.range?.[0] ?? 0) },
      ...below,
    ];
    if (seen.has(name)) return fault('each key once');
    seen.add(name);
    // JavaScript would take it for something else, and lose it.
    return name === '__proto__' ? fault('another name') : below;
  });
}

function offsetOf(root: Node | null, path: Path, which: 'key' | 'value'): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const [depth, part] of path.entries()) {
    let keyOffset: number | undefined;
    if (isMap<Node>(node)) {
      const pair = node.items.find(({ key }) => nameOf(key) === part);
      keyOffset = pair?.key.range?.[0];
      node = pair?.value;
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part];
    } else {
      break;
    }
    const valueOffset = isMap(node) || isSeq(node) || isScalar(node) ? node.range?.[0] : undefined;
    const asKey = which === 'key' && depth === path.length - 1;
    const found = asKey ? (keyOffset ?? valueOffset) : (valueOffset ?? keyOffset);
    if (found === undefined) break;
    offset = found;
  }
  return offset;
}

function nameOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : '';
}
