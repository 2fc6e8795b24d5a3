/** Messages that are built to cost: huge, deep, or of very many very small parts; each just below the gate's bound. */

import type { Random } from '../fleet/random.ts';
import { field, inside, repeated, tag, varint } from './wire.ts';

/** What a gate reads by default: 1 MiB, less what is around. */
const BYTES_MAX = 2 ** 20 - 200;

/** Field numbers, outermost first. */
const CHECK = {
  headers: [1, 4, 2, 3],
  rawHeaders: [1, 4, 2, 13, 1],
  path: [1, 4, 2, 4],
  host: [1, 4, 2, 5],
  labels: [1, 2, 3],
  routeMetadata: [1, 13, 1],
  attributes: [1],
};
const LOG = {
  entries: [2, 1],
  metadata: [2, 1, 1, 17, 1],
  tags: [2, 1, 1, 22],
  path: [2, 1, 3, 5],
  identifier: [1],
};

type Monster = (random: Random) => Buffer;
type Monsters = Readonly<Record<string, Monster>>;

const UPGRADE = Buffer.concat([field(1, 'upgrade'), field(2, 'websocket')]);

export const checkMonsters: Monsters = {
  'a million empty headers': () => inside(CHECK.headers.slice(0, -1), full(field(3, ''))),
  'many headers': (random) => inside(CHECK.headers.slice(0, -1), manyKeys(3, random)),
  'many raw headers': () => inside(CHECK.rawHeaders.slice(0, -1), full(field(1, UPGRADE))),
  'many route metadata': (random) => inside(CHECK.routeMetadata.slice(0, -1), manyKeys(1, random, nested(3))),
  'many times the same attributes': () => full(field(1, '')),
  'a path of 1 MB': (random) => inside(CHECK.path, Buffer.alloc(BYTES_MAX, random.oneOf(['/', '?', 'é', '\0', 'a']))),
  'a host of 1 MB': (random) => inside(CHECK.host, Buffer.alloc(BYTES_MAX, random.oneOf(['.', ':', 'a', '1']))),
  'an upgrade header of 1 MB': (random) =>
    inside(
      CHECK.headers,
      Buffer.concat([field(1, 'upgrade'), field(2, Buffer.alloc(BYTES_MAX, random.oneOf([',', ' ', 'websocket'])))]),
    ),
  'metadata in metadata': (random) => inside(CHECK.routeMetadata, entry('wsgate', nested(10 + random.below(30_000)))),
  'lists in lists': (random) => inside(CHECK.routeMetadata, entry('wsgate', nestedLists(10 + random.below(30_000)))),
  'groups in groups': (random) => inside(CHECK.attributes, repeated(tag(9, 'group'), 10 + random.below(BYTES_MAX / 2))),
  'unknown fields': () => full(field(15, '')),
};

export const logMonsters: Monsters = {
  'a million empty entries': () => inside(LOG.entries.slice(0, -1), full(field(1, ''))),
  'many entries of no WebSocket': () => inside(LOG.entries.slice(0, -1), full(field(1, field(4, field(1, ''))))),
  'many entries that make no sense': () => inside(LOG.entries.slice(0, -1), full(field(1, MALFORMED))),
  'many tags': (random) => inside(LOG.tags.slice(0, -1), manyKeys(22, random)),
  'a path of 1 MB': (random) => inside(LOG.path, Buffer.alloc(BYTES_MAX, random.oneOf(['/', '?', 'é', '\0']))),
  'metadata in metadata': (random) =>
    inside(LOG.metadata, entry('envoy.filters.http.ext_authz', nested(10 + random.below(30_000)))),
  'lists in lists': (random) =>
    inside(LOG.metadata, entry('envoy.filters.http.ext_authz', nestedLists(10 + random.below(30_000)))),
  'groups in groups': (random) => inside(LOG.identifier, repeated(tag(9, 'group'), 10 + random.below(BYTES_MAX / 2))),
  'many times the same logs': () => full(field(2, '')),
};

/** A periodic entry (`access_log_type` is 5) of a connection (101) without a pod. */
const MALFORMED = Buffer.concat([
  field(1, Buffer.from([0x88, 0x02, 0x05])),
  field(4, field(1, Buffer.from([0x08, 101]))),
]);

function full(part: Buffer): Buffer {
  return repeated(part, Math.floor(BYTES_MAX / part.length));
}

function entry(key: string, value: Buffer): Buffer {
  return Buffer.concat([field(1, key), field(2, value)]);
}

/** Entries of a map, each with a key of its own. */
function manyKeys(number: number, random: Random, value: Buffer = Buffer.alloc(0)): Buffer {
  const numeric = random.below(2) === 0;
  const parts: Buffer[] = [];
  for (let length = 0, i = 0; length < BYTES_MAX - 100; i += 1) {
    const part = field(number, entry(numeric ? String(i * 1024) : `k${i}`, value));
    parts.push(part);
    length += part.length;
  }
  return Buffer.concat(parts);
}

/** A google.protobuf.Struct whose one field holds a Struct, and so on. */
function nested(depth: number): Buffer {
  return wrapped(depth, [opening(5), opening(2), () => field(1, 'a'), opening(1)]);
}

/** A Struct whose one field holds a list that holds a list, and so on. */
function nestedLists(depth: number): Buffer {
  return field(1, entry('a', wrapped(depth, [opening(1), opening(6)])));
}

function opening(number: number): (length: number) => Buffer {
  return (length) => Buffer.concat([tag(number, 'length'), varint(length)]);
}

/** As deep as asked, or as fits. `openings` of one level are the innermost first, each made for what is inside. */
function wrapped(depth: number, openings: readonly ((length: number) => Buffer)[]): Buffer {
  const parts: Buffer[] = [];
  let length = 0;
  for (let level = 0; level < depth && length < BYTES_MAX - 100; level += 1) {
    for (const open of openings) {
      const part = open(length);
      parts.push(part);
      length += part.length;
    }
  }
  return Buffer.concat(parts.reverse());
}
