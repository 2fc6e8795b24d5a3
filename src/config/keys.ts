/** The keys of the configuration, as the schema has them: the one list that variables, masks and hints come from. */

import { z } from 'zod';
import { configSchema, masks } from './schema.ts';
import type { Path } from './tree.ts';

/** A key that holds a value rather than more keys; lists and maps that are one's own to fill are values. */
export interface Leaf {
  readonly path: readonly string[];
  /** How its environment variable says its value. */
  readonly form: 'text' | 'number' | 'boolean' | 'list' | 'yaml';
  /** Shows its text without what is secret; absent when nothing is. */
  readonly mask?: (text: string) => string;
}

export const leaves: readonly Leaf[] = leavesBelow([], configSchema);

/** All sections and leaves, those of the fewest parts first. */
export const places: readonly (readonly string[])[] = placesOf(leaves);

/** The keys that the schema knows at a place, or none where names are free. */
export function knownKeys(path: Path): readonly string[] {
  let schema: z.core.$ZodType = configSchema;
  for (const part of path) {
    const inner = unwrap(schema);
    if (inner instanceof z.ZodRecord) schema = inner.valueType;
    else if (inner instanceof z.ZodObject) schema = inner.shape[String(part)] ?? z.never();
    else if (inner instanceof z.ZodArray) schema = inner.element;
    else return [];
  }
  return keysOf(unwrap(schema));
}

/** The leaf that a path is at or below. */
export function leafAt(path: Path): Leaf | undefined {
  return leaves.find((leaf) => leaf.path.every((part, depth) => path[depth] === part));
}

/** Of a union those of all that may stand there. */
function keysOf(schema: z.core.$ZodType): string[] {
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => keysOf(unwrap(option)));
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function placesOf(all: readonly Leaf[]): string[][] {
  const texts = all.flatMap(({ path }) => path.map((_, depth) => path.slice(0, depth + 1).join('.')));
  return [...new Set(texts)].map((text) => text.split('.')).sort((a, b) => a.length - b.length);
}

function leavesBelow(path: readonly string[], wrapped: z.core.$ZodType): Leaf[] {
  const schema = unwrap(wrapped);
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([key, child]) => leavesBelow([...path, key], child));
  }
  const mask = masks.get(wrapped)?.mask;
  return [{ path, form: formOf(schema), ...(mask === undefined ? {} : { mask }) }];
}

function formOf(schema: z.core.$ZodType): Leaf['form'] {
  if (schema instanceof z.ZodNumber) return 'number';
  if (schema instanceof z.ZodBoolean) return 'boolean';
  if (schema instanceof z.ZodArray) return 'list';
  return schema instanceof z.ZodRecord ? 'yaml' : 'text';
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodExactOptional) return unwrap(schema.unwrap());
  return schema;
}
