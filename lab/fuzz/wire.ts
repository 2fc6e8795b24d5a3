/** Protobuf's wire format by hand, for messages that no serializer would write. */

const WIRE = { varint: 0, length: 2, group: 3 } as const;

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

export function tag(field: number, wire: keyof typeof WIRE): Buffer {
  return varint(field * 8 + WIRE[wire]);
}

/** A string, bytes or a message. */
export function field(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([tag(number, 'length'), varint(bytes.length), bytes]);
}

/** A message inside a message, and so on: by the path of field numbers, outermost first. */
export function inside(path: readonly number[], content: Buffer): Buffer {
  return path.reduceRight((bytes, number) => field(number, bytes), content);
}

export function repeated(bytes: Buffer, times: number): Buffer {
  return Buffer.alloc(bytes.length * times, bytes);
}
