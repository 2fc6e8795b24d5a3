/** Ways to break a message's bytes. All of them together, one after the other, at random places. */

import type { Random } from '../fleet/random.ts';
import { field, inside, repeated, tag, varint } from './wire.ts';

/** No more than a gate reads by default: a larger message ends its stream, as it should. */
const BYTES_MAX = 2 ** 20;
const NOT_UTF8 = [[0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xfe], [0x80]].map((bytes) =>
  Buffer.from(bytes),
);
const LENGTHS = [0, 1, 127, 128, 2 ** 16, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40];

type Mutation = (bytes: Buffer, random: Random) => Buffer;

const mutations: Readonly<Record<string, Mutation>> = {
  'a bit is flipped': (bytes, random) => {
    const changed = Buffer.from(bytes);
    const at = random.below(changed.length);
    changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
    return changed;
  },
  'a byte is another': (bytes, random) => put(bytes, random, random.bytes(1), 1),
  'the end is missing': (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  'a piece is missing': (bytes, random) => put(bytes, random, Buffer.alloc(0), random.below(20)),
  'a piece comes twice': (bytes, random) => put(bytes, random, piece(bytes, random), 0),
  'random bytes': (bytes, random) => put(bytes, random, random.bytes(random.below(40)), random.below(40)),
  'no UTF-8': (bytes, random) => put(bytes, random, random.oneOf(NOT_UTF8), 2),
  'a length that is none': (bytes, random) => put(bytes, random, varint(random.oneOf(LENGTHS)), 1),
  'a varint without an end': (bytes, random) => put(bytes, random, Buffer.alloc(random.below(30), 0xff), 0),
  'a map entry without a key or a value': (bytes, random) =>
    Buffer.concat([bytes, inside(random.oneOf(MAPS), random.oneOf([Buffer.alloc(0), field(1, 'wsgate')]))]),
  'a key that JavaScript knows': (bytes, random) => {
    const key = field(1, random.oneOf(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '4294967294']));
    return Buffer.concat([bytes, inside(random.oneOf(MAPS), Buffer.concat([key, field(2, piece(bytes, random))]))]);
  },
  'an unknown field': (bytes, random) => put(bytes, random, field(1 + random.below(2 ** 28), random.bytes(9)), 0),
  'groups in groups': (bytes, random) => Buffer.concat([bytes, repeated(tag(9, 'group'), random.below(20_000))]),
};

/** Where the messages have maps, as paths of field numbers: of Check, and of the log. */
const MAPS = [
  [1, 13, 1],
  [1, 13, 1, 2, 1],
  [1, 10],
  [1, 2, 3],
  [1, 4, 2, 3],
  [2, 1, 1, 17, 1],
  [2, 1, 1, 22],
  [2, 1, 3, 13],
];

/** Breaks the bytes once or a few times, and says how. */
export function mutate(bytes: Buffer, random: Random): { bytes: Buffer; how: string } {
  let broken = bytes;
  const how: string[] = [];
  for (let times = 1 + random.below(4); times > 0; times -= 1) {
    const [name, mutation] = random.oneOf(Object.entries(mutations));
    broken = mutation(broken.length === 0 ? bytes : broken, random).subarray(0, BYTES_MAX);
    how.push(name);
  }
  return { bytes: broken, how: how.join(', ') };
}

function put(bytes: Buffer, random: Random, added: Buffer, removed: number): Buffer {
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
}

function piece(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length);
  return bytes.subarray(at, at + 1 + random.below(60));
}
