/**
 * Reading of protobuf messages that were printed as JSON or written as YAML. Envoy's admin port prints names as they are
 * in the proto files (`access_log`), control planes' tools print them as JSON has them (`accessLog`): both are found.
 */

export type Json = unknown;

/** Undefined when nothing is there. Names are those of the proto files. */
export function at(node: Json, ...path: readonly (string | number)[]): Json {
  let found = node;
  for (const step of path) found = typeof step === 'number' ? items(found)[step] : field(found, step);
  return found;
}

function field(node: Json, name: string): Json {
  if (!isObject(node)) return undefined;
  return node[name] ?? node[name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())];
}

export function isObject(node: Json): node is Readonly<Record<string, Json>> {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}

/** What is no list has no items. */
export function items(node: Json): readonly Json[] {
  return Array.isArray(node) ? node : [];
}

export function list(node: Json, ...path: readonly (string | number)[]): readonly Json[] {
  return items(at(node, ...path));
}

/** Undefined when it is no text, and when it is empty. */
export function text(node: Json, ...path: readonly (string | number)[]): string | undefined {
  const found = at(node, ...path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** Numbers of 64 bits are printed as text. */
export function number(node: Json, ...path: readonly (string | number)[]): number | undefined {
  const found = at(node, ...path);
  const value = typeof found === 'string' ? Number(found) : found;
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** A google.protobuf.Duration: `15s`, `0.500s`. */
export function durationMs(node: Json, ...path: readonly (string | number)[]): number | undefined {
  const seconds = text(node, ...path)?.match(/^(\d+(?:\.\d+)?)s$/)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** Whether a google.protobuf.Any holds this message: `ExtAuthz`. */
export function isA(node: Json, message: string): boolean {
  return text(node, '@type')?.endsWith(`.${message}`) ?? false;
}
