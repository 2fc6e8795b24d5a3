/**
 * Decodes what Envoy sends, but only what wsgate reads: Envoy's messages are mostly maps of headers, of which a gate
 * needs one or two. `messages.ts` has the shapes, `proto/` the fields.
 *
 * The result is that of `@grpc/proto-loader`, without the keys of maps that were not asked for. It takes a quarter of
 * the loader's time; `npm run bench -- --only check` shows what that saves of a Check.
 */

import protobuf from 'protobufjs';

/** By the map field's name in its .proto, `Message.field`: the keys to decode. Of other maps, all are. */
export type WantedKeys = Readonly<Record<string, readonly string[]>>;

type Target = Record<string, unknown>;
type Read = (reader: protobuf.Reader, before: unknown) => unknown;

interface FieldReader {
  readonly name: string;
  readonly wireType: number;
  readonly read: Read;
}

/** By field number. */
type MessageReader = (FieldReader | undefined)[];

const VARINT = 0;
const DELIMITED = 2;
const KEY_TAG = (1 << 3) | DELIMITED;
const VALUE = '.google.protobuf.Value';

const scalars: Readonly<Record<string, Pick<FieldReader, 'wireType' | 'read'>>> = {
  string: { wireType: DELIMITED, read: (reader) => reader.string() },
  bytes: { wireType: DELIMITED, read: (reader) => reader.bytes() },
  int32: { wireType: VARINT, read: (reader) => reader.int32() },
  uint32: { wireType: VARINT, read: (reader) => reader.uint32() },
  int64: { wireType: VARINT, read: (reader) => decimal(reader.int64()) },
};

/** Throws on bytes that are no such message. */
export type Decode = (bytes: Uint8Array) => unknown;

export class Decoders {
  readonly #wanted: WantedKeys;
  readonly #readers = new Map<protobuf.Type, MessageReader>();

  constructor(wanted: WantedKeys) {
    this.#wanted = wanted;
  }

  of(type: protobuf.Type): Decode {
    const message = this.#message(type);
    return (bytes) => {
      const reader = protobuf.Reader.create(bytes);
      return readFields(message, reader, reader.len, {});
    };
  }

  #message(type: protobuf.Type): MessageReader {
    const known = this.#readers.get(type);
    if (known) return known;
    const message: MessageReader = [];
    this.#readers.set(type, message); // before its fields: a message may hold itself
    type.resolveAll();
    for (const field of type.fieldsArray) {
      if (type.fullName === VALUE && field.name !== 'stringValue') continue; // the rest is never read, and may be deep
      message[field.id] = this.#field(type, field);
    }
    return message;
  }

  #field(type: protobuf.Type, field: protobuf.Field): FieldReader {
    const value = this.#value(field);
    if (field instanceof protobuf.MapField) {
      const wanted = this.#wanted[`${type.name}.${field.name}`];
      return { name: field.name, wireType: DELIMITED, read: mapReader(value, wanted) };
    }
    if (!field.repeated) return { name: field.name, ...value };
    const read: Read = (reader, before) => {
      const items = (before ?? []) as unknown[];
      items.push(value.read(reader, undefined));
      return items;
    };
    return { name: field.name, wireType: value.wireType, read };
  }

  #value({ type: name, resolvedType }: protobuf.Field): Pick<FieldReader, 'wireType' | 'read'> {
    if (resolvedType instanceof protobuf.Type) {
      const message = this.#message(resolvedType);
      const read: Read = (reader, before) =>
        readFields(message, reader, readLength(reader) + reader.pos, (before ?? {}) as Target);
      return { wireType: DELIMITED, read };
    }
    if (resolvedType) {
      const { valuesById } = resolvedType;
      return { wireType: VARINT, read: (reader) => readEnum(valuesById, reader.int32()) };
    }
    const scalar = scalars[name];
    if (!scalar) throw new Error(`proto/ has a field of type ${name}, which the decoder does not know`);
    return scalar;
  }
}

function readFields(message: MessageReader, reader: protobuf.Reader, end: number, target: Target): Target {
  while (reader.pos < end) {
    const tag = readLength(reader);
    const field = message[tag >>> 3];
    if (field?.wireType === (tag & 7)) target[field.name] = field.read(reader, target[field.name]);
    else skip(reader, tag & 7);
  }
  if (reader.pos !== end) throw new RangeError('a message ends in the middle of a field');
  return target;
}

/** An entry of a map is a message: 1 is its key, 2 its value. */
function mapReader(value: Pick<FieldReader, 'wireType' | 'read'>, wanted: readonly string[] | undefined): Read {
  return (reader, before) => {
    const map = (before ?? {}) as Target;
    const end = readLength(reader) + reader.pos;
    let key: string | undefined = '';
    let valueAt = -1;
    while (reader.pos < end) {
      const tag = readLength(reader);
      if (tag === KEY_TAG) key = wanted ? readWanted(reader, wanted) : reader.string();
      else {
        if (tag >>> 3 === 2 && (tag & 7) === value.wireType) valueAt = reader.pos;
        skip(reader, tag & 7);
      }
    }
    if (reader.pos !== end) throw new RangeError('a message ends in the middle of a field');
    if (key === undefined || key === '__proto__' || valueAt < 0) return map;
    reader.pos = valueAt;
    map[key] = value.read(reader, undefined);
    reader.pos = end;
    return map;
  };
}

/** The one of the keys, all ASCII, that is there; undefined for any other, which is not even decoded. */
function readWanted(reader: protobuf.Reader, keys: readonly string[]): string | undefined {
  const length = readLength(reader);
  const { buf, pos } = reader;
  reader.skip(length);
  for (const key of keys) if (key.length === length && isAt(buf, pos, key)) return key;
  return undefined;
}

function isAt(bytes: Uint8Array, at: number, key: string): boolean {
  for (let i = 0; i < key.length; i += 1) if (bytes[at + i] !== key.charCodeAt(i)) return false;
  return true;
}

/** A tag or a length. Nearly all are one byte, and most of a message is tags and lengths of what is skipped. */
function readLength(reader: protobuf.Reader): number {
  const byte = reader.buf[reader.pos];
  if (byte === undefined || byte > 127 || reader.pos >= reader.len) return reader.uint32();
  reader.pos += 1;
  return byte;
}

function skip(reader: protobuf.Reader, wireType: number): void {
  if (wireType === DELIMITED) reader.skip(readLength(reader));
  else reader.skipType(wireType);
}

function readEnum(names: Readonly<Record<number, string>>, value: number): string | number {
  return names[value] ?? value;
}

/** A 64-bit integer in decimal. Below 2^53, as every time is, a number does it faster. */
function decimal(value: protobuf.Long | number): string {
  if (typeof value === 'number') return String(value);
  return value.high >= 0 && value.high < 2 ** 21 ? String(value.high * 2 ** 32 + (value.low >>> 0)) : value.toString();
}
