/** What the fault bench lets `outage.policy: share` exceed a limit by. */

import { expect, it } from 'vitest';
import { type Admission, shareBound } from '../../lab/faults/bound.ts';
import { COUNTS_AGE_MS } from '../../lab/faults/scale.ts';

const AWAY_MS = 100_000;
const LONG_BEFORE_MS = AWAY_MS - COUNTS_AGE_MS - 1;
const JUST_BEFORE_MS = AWAY_MS - 1;

const all = { gates: 2, alone: 2, limit: 30, awayMs: AWAY_MS };
const one = { ...all, alone: 1 };

function admitted(count: number, atMs: number, change: Partial<Admission> = {}): Admission[] {
  return Array.from({ length: count }, () => ({
    pod: 'pod1',
    askedAtMs: atMs,
    openedAtMs: atMs,
    endedAtMs: 0,
    ...change,
  }));
}

it('is nothing where no gate can have missed an admission', () => {
  expect(shareBound(admitted(20, LONG_BEFORE_MS), all)).toBe(0);
});

it('is half of what was admitted since the last count of two gates', () => {
  expect(shareBound([...admitted(20, LONG_BEFORE_MS), ...admitted(7, JUST_BEFORE_MS)], all)).toBe(3);
});

it('is nothing for the only gate, which admitted all of them itself', () => {
  expect(shareBound(admitted(7, JUST_BEFORE_MS), { ...all, gates: 1, alone: 1 })).toBe(0);
});

it('counts what was asked for before the outage, and answered after it', () => {
  expect(shareBound(admitted(4, JUST_BEFORE_MS, { openedAtMs: AWAY_MS + 5 }), all)).toBe(2);
});

it('is the part of the room that a gate knew of, where the other still has the store', () => {
  expect(shareBound(admitted(24, LONG_BEFORE_MS), one)).toBe(3);
  expect(shareBound([...admitted(24, LONG_BEFORE_MS), ...admitted(4, JUST_BEFORE_MS)], one)).toBe(3);
});

it('takes what had closed before the outage for room', () => {
  const closed = admitted(6, LONG_BEFORE_MS, { endedAtMs: JUST_BEFORE_MS });
  expect(shareBound([...admitted(24, LONG_BEFORE_MS), ...closed], one)).toBe(3);
});

it('is that of the pod that may exceed its limit most', () => {
  const other = admitted(8, JUST_BEFORE_MS, { pod: 'pod2' });
  expect(shareBound([...admitted(2, JUST_BEFORE_MS), ...other], all)).toBe(4);
});
