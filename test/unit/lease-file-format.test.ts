/** What is written to `store.file` is read as it was, or is found to be something else. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LeaseId, PodId, ProxyId } from '../../src/admission/ids.ts';
import { AUDIT_ACTIONS, OVERRIDE_KINDS } from '../../src/admission/override.ts';
import { decode, encode } from '../../src/store/file/format.ts';
import type { Occasion, Snapshot } from '../../src/store/file/snapshot.ts';
import { assertHolds } from '../support/property.ts';

const name = fc.stringMatching(/^[A-Za-z0-9._:-]{1,40}$/);
const pod = name.map((text) => text as PodId);
const proxy = name.map((text) => text as ProxyId);
const lease = fc.tuple(name, fc.stringMatching(/^[A-Za-z0-9.:-]{1,40}$/)).map((parts) => parts.join('_') as LeaseId);
const lengthMs = fc.integer({ min: -1e12, max: 1e12 });

const stored = fc.record(
  {
    lease,
    leftMs: lengthMs,
    flags: fc.nat({ max: 255 }),
    path: fc.string({ unit: 'binary', maxLength: 40 }),
    client: fc.string({ maxLength: 40 }),
  },
  { requiredKeys: ['lease', 'leftMs', 'flags', 'path'] },
);
const time = fc.nat();
const word = fc.string({ maxLength: 40 });
const drain = fc.record(
  { rate: fc.nat(), asked: fc.nat(), nextMs: time, left: fc.nat(), doneMs: time },
  { requiredKeys: ['rate', 'asked', 'nextMs'] },
);
const decided = fc.record({ by: word, reason: word, connections: fc.nat(), drain }, { requiredKeys: ['by'] });
const override = fc.record(
  {
    kind: fc.constantFrom(...OVERRIDE_KINDS),
    pod,
    version: time,
    atMs: time,
    untilMs: time,
    decision: decided,
  },
  { requiredKeys: ['kind', 'pod', 'version', 'atMs'] },
);
const entry = fc.record(
  {
    action: fc.constantFrom(...AUDIT_ACTIONS),
    by: word,
    pod,
    reason: word,
    connections: fc.nat(),
    rate: fc.nat(),
    asked: fc.nat(),
    left: fc.nat(),
    atMs: time,
  },
  { requiredKeys: ['action', 'by', 'atMs'] },
);
const snapshots = fc.record({
  incarnationAgeMs: fc.nat(),
  pods: fc.array(fc.record({ pod, usedAgoMs: lengthMs, leases: fc.array(stored) })),
  ended: fc.array(fc.record({ pod, lease, leftMs: lengthMs })),
  proxies: fc.array(proxy),
  overrides: fc.array(override),
  audit: fc.array(entry),
});
const occasions = fc.record({ stopped: fc.boolean(), atMs: fc.nat() });

const written = (snapshot: Snapshot, occasion: Occasion) => Buffer.concat([...encode(snapshot, occasion)]);

const example = written(
  {
    incarnationAgeMs: 60_000,
    pods: [
      {
        pod: 'pod1' as PodId,
        usedAgoMs: 120,
        leases: [{ lease: 'proxy_a_dk1-192.0.2.7:1025' as LeaseId, leftMs: 59_000, flags: 3, path: '/pod1/chat' }],
      },
    ],
    ended: [{ pod: 'pod1' as PodId, lease: 'proxy_a_dk0-192.0.2.7:1024' as LeaseId, leftMs: 110_000 }],
    proxies: ['proxy_a' as ProxyId],
    overrides: [
      {
        kind: 'limit',
        pod: 'pod1' as PodId,
        version: 1_763_696_780_000,
        atMs: 1_763_696_780_000,
        untilMs: 1_763_700_380_000,
        decision: { by: 'ops', reason: 'a leak', connections: 50 },
      },
    ],
    audit: [{ action: 'limit.set', by: 'ops', pod: 'pod1' as PodId, connections: 50, atMs: 1_763_696_780_000 }],
  },
  { stopped: true, atMs: 1_763_696_781_000 },
);

it('whatever the store holds is read as it was written', () =>
  assertHolds(
    fc.asyncProperty(snapshots, occasions, async (snapshot, occasion) => {
      expect(decode(written(snapshot, occasion))).toEqual({ ok: true, occasion, snapshot });
    }),
    200,
  ));

it('a file is this, so that every gate of this version reads it', () => {
  expect(example.toString().replace(/[0-9a-f]{64}/, '<checksum>')).toBe(`wsgate leases 1
["written",true,1763696781000,60000]
["pod","pod1",120]
["lease","proxy_a_dk1-192.0.2.7:1025",59000,3,"/pod1/chat"]
["ended","pod1","proxy_a_dk0-192.0.2.7:1024",110000]
["proxy","proxy_a"]
["override","limit","pod1",1763696780000,1763696780000,1763700380000,{"by":"ops","reason":"a leak","connections":50}]
["audit",{"action":"limit.set","by":"ops","pod":"pod1","connections":50,"atMs":1763696780000}]
sha256 <checksum>
`);
});

it('no chunk of it is much longer than 64 KiB, however many leases there are', () => {
  const leases = Array.from({ length: 10_000 }, (_, nth) => ({
    lease: `proxy_a_${nth}-192.0.2.7:1025` as LeaseId,
    leftMs: 59_000,
    flags: 3,
    path: '/pod1/chat',
  }));
  const snapshot = {
    incarnationAgeMs: 0,
    pods: [{ pod: 'pod1' as PodId, usedAgoMs: 0, leases }],
    ended: [],
    proxies: [],
    overrides: [],
    audit: [],
  };
  const sizes = [...encode(snapshot, { stopped: false, atMs: 0 })].map(({ length }) => length);
  expect(sizes.length).toBeGreaterThan(5);
  expect(Math.max(...sizes)).toBeLessThan(65 * 1024);
});

describe('a file that is not whole is none', () => {
  it('wherever it was cut off', () => {
    for (let length = 0; length < example.length; length += 1) {
      expect(decode(example.subarray(0, length)), `the first ${length} bytes`).toMatchObject({ ok: false });
    }
  });

  it('whichever bit was turned', () => {
    for (let bit = 0; bit < example.length * 8; bit += 1) {
      const bytes = Buffer.from(example);
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(decode(bytes), `bit ${bit}`).toMatchObject({ ok: false });
    }
  });

  it.each<[string, Buffer, string]>([
    ['empty', Buffer.alloc(0), 'is not a file of leases'],
    ['zeros', Buffer.alloc(4096), 'is not a file of leases'],
    ['something else', Buffer.from('store:\n  file: x\n'), 'is not a file of leases'],
    [
      'of another version',
      Buffer.from(example.toString().replace('leases 1\n', 'leases 2\n')),
      'is of version 2, and this gate reads version 1',
    ],
    ['cut off', example.subarray(0, 150), 'ends in the middle: the rest of it was never written, or is lost'],
    [
      'written on',
      Buffer.concat([example, example]),
      'does not match its checksum: it is damaged, or was changed by hand',
    ],
    [
      'changed by hand',
      Buffer.from(example.toString().replace('59000', '69000')),
      'does not match its checksum: it is damaged, or was changed by hand',
    ],
    [
      'of a store with names that nobody may have',
      written(
        {
          incarnationAgeMs: 0,
          pods: [{ pod: 'pod 1' as PodId, usedAgoMs: 0, leases: [] }],
          ended: [],
          proxies: [],
          overrides: [],
          audit: [],
        },
        { stopped: true, atMs: 0 },
      ),
      'has an unknown line, number 3',
    ],
  ])('when it is %s', (_, bytes, problem) => {
    expect(decode(bytes)).toEqual({ ok: false, problem });
  });
});
