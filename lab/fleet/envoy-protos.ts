/**
 * What the conformance test needs to know of any protos, ours and Envoy's own (as `@grpc/grpc-js-xds` ships them):
 * their services, their descriptors, and messages with every field of a descriptor set.
 */

import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSync, type MethodDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import protobuf from 'protobufjs';

export type Message = Record<string, unknown>;

export const OUR_DIRS = [fileURLToPath(new URL('../../proto', import.meta.url))];

const xds = dirname(createRequire(import.meta.url).resolve('@grpc/grpc-js-xds/package.json'));
export const ENVOY_DIRS = ['envoy-api', 'googleapis', 'protoc-gen-validate', 'xds'].map((dir) =>
  join(xds, 'deps', dir),
);

/** The files of `proto/` that Envoy's tree must have at the same path: all but gRPC's own. */
const SHARED_FILES = OUR_DIRS.flatMap((dir) => readdirSync(dir, { recursive: true, encoding: 'utf8' }))
  .filter((file) => file.endsWith('.proto') && !file.startsWith('grpc'))
  .sort();

/** The same loader and the same options as the gate's, on Envoy's protos. */
export function envoyMethod(file: string, service: string, method: string): MethodDefinition<object, object> {
  const options = { keepCase: false, longs: String, enums: String, defaults: false, oneofs: false };
  const methods = loadSync(file, { ...options, includeDirs: ENVOY_DIRS })[service] as ServiceDefinition | undefined;
  const found = methods?.[method];
  if (found === undefined) throw new Error(`Envoy has no ${service}/${method}`);
  return found;
}

/** Descriptors of the shared files as found in `dirs`, with field names in camelCase, or as they are written. */
export function reflect(dirs: readonly string[], names: 'camelCase' | 'written'): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => dirs.map((dir) => join(dir, target)).find((path) => existsSync(path)) ?? null;
  root.loadSync(SHARED_FILES, { keepCase: names === 'written' });
  root.resolveAll();
  return root;
}

/** All messages, enums and services under `scope`, nested ones too, without those that come with the loader. */
export function definitions(scope: protobuf.NamespaceBase): protobuf.ReflectionObject[] {
  return scope.nestedArray
    .filter((item) => item.fullName !== '.google.protobuf')
    .flatMap((item) => {
      const inner = item instanceof protobuf.Namespace ? definitions(item) : [];
      const isDefinition =
        item instanceof protobuf.Type || item instanceof protobuf.Enum || item instanceof protobuf.Service;
      return isDefinition ? [item, ...inner] : inner;
    });
}

/** What the wire, and a reader of the file, can tell about one field. */
export function shape(field: protobuf.Field): Message {
  return {
    name: field.name,
    number: field.id,
    type: field.resolvedType?.fullName ?? field.type,
    repeated: field.repeated,
    mapKey: field instanceof protobuf.MapField ? field.keyType : undefined,
    oneof: field.partOf?.name,
  };
}

/** Deeper than any field that wsgate reads; `google.protobuf.Struct` alone would go on for ever. */
const DEPTH_MAX = 9;

/**
 * A message with every field set, nested messages, lists and maps included, each to a value of its own. Of a oneof's
 * fields one is set; another `variant` sets another.
 */
export function filled(type: protobuf.Type, variant: number, depth = 0): Message {
  const entries = type.fieldsArray
    .filter((field) => {
      const rivals = field.partOf?.fieldsArray ?? [field];
      return rivals[(variant + depth) % rivals.length] === field;
    })
    .filter((field) => !(field.resolvedType instanceof protobuf.Type) || depth < DEPTH_MAX)
    .map((field) => {
      const one = (seed: number) => filledValue(field, variant + seed, depth);
      const mapKey = (seed: number) => (field instanceof protobuf.MapField ? scalar(field.keyType, 'key', seed) : '');
      const many = field.repeated ? [one(0), one(1)] : { [String(mapKey(0))]: one(0), [String(mapKey(1))]: one(1) };
      return [field.name, field.repeated || field.map ? many : one(0)];
    });
  return Object.fromEntries(entries);
}

function filledValue(field: protobuf.Field, seed: number, depth: number): unknown {
  if (field.resolvedType instanceof protobuf.Type) return filled(field.resolvedType, seed, depth + 1);
  if (field.resolvedType instanceof protobuf.Enum) {
    const names = Object.values(field.resolvedType.valuesById);
    return names[(seed + 1) % names.length];
  }
  return scalar(field.type, field.name, field.id * 100 + seed);
}

function scalar(type: string, name: string, seed: number): unknown {
  if (type === 'string') return `${name} ${seed} é`;
  if (type === 'bytes') return Buffer.from([0xff, seed % 256, 0]);
  if (type === 'bool') return true;
  if (type === 'double' || type === 'float') return seed + 0.5;
  // Beyond what a JavaScript number can hold exactly.
  return type.endsWith('64') ? String(2n ** 60n + BigInt(seed)) : seed;
}

/** What is left of `message`, decoded by `theirs`, for one who knows only `ours`. */
export function known(message: Message, ours: protobuf.Type, theirs: protobuf.Type): Message {
  const entries = ours.fieldsArray
    .filter((field) => field.name in message)
    .map((field) => {
      const value = message[field.name];
      const one = (item: unknown) => knownValue(item, field, theirs.fields[field.name]);
      if (Array.isArray(value)) return [field.name, value.map(one)];
      if (!field.map) return [field.name, one(value)];
      return [field.name, Object.fromEntries(Object.entries(value as Message).map(([key, item]) => [key, one(item)]))];
    });
  return Object.fromEntries(entries);
}

function knownValue(value: unknown, ours: protobuf.Field, theirs: protobuf.Field | undefined): unknown {
  if (ours.resolvedType instanceof protobuf.Type && theirs?.resolvedType instanceof protobuf.Type) {
    return known(value as Message, ours.resolvedType, theirs.resolvedType);
  }
  if (ours.resolvedType instanceof protobuf.Enum && theirs?.resolvedType instanceof protobuf.Enum) {
    const name = String(value);
    return name in ours.resolvedType.values ? name : theirs.resolvedType.values[name];
  }
  return value;
}
