import { beforeEach, describe, expect, it } from 'vitest';
import { Events } from '../../src/admission/events.ts';
import { Recovery } from '../../src/admission/recovery.ts';
import { Share } from '../../src/admission/share.ts';
import { leasesOf, newLease, pod1, pod2, proxyA } from '../support/names.ts';

const LIMIT = 10;

let events: Events;
let share: Share;
beforeEach(() => {
  events = new Events();
  const recovery = new Recovery({ forMs: 1000, ttlMs: 60_000 }, events);
  recovery.heard({ timeMs: 1000, wholeSinceMs: 0, gates: 1, gatesAwaited: 0, gatesBackMs: 0 });
  share = new Share(recovery);
});

function admitted(asked: number, pod = pod1): number {
  return leasesOf(proxyA, asked).filter((lease) => share.admit(pod, lease, LIMIT)).length;
}

describe('alone, a gate admits', () => {
  it.each([
    ['all that was left, when it is the only gate', 1, 4, 6],
    ['a third of what was left, when there are three', 3, 4, 2],
    ['all of an empty pod', 1, 0, 10],
    ['nothing to a full pod', 1, 10, 0],
    ['nothing to a pod over its limit', 1, 12, 0],
    ['nothing when there are more gates than places', 8, 4, 0],
  ])('%s', (_what, gates, count, room) => {
    share.counted(pod1, count);
    share.countedAll(gates);
    expect(admitted(20)).toBe(room);
  });

  it('nothing before all pods have been counted', () => {
    share.counted(pod1, 0);
    expect(admitted(20)).toBe(0);
  });

  it('to a pod that no count ever showed, as to an empty one', () => {
    share.countedAll(2);
    expect(admitted(20, pod2)).toBe(5);
  });

  it('one slot for a lease that is asked for twice', () => {
    share.countedAll(1);
    const lease = newLease(proxyA);
    expect([share.admit(pod1, lease, LIMIT), share.admit(pod1, lease, LIMIT)]).toEqual([true, true]);
    expect(admitted(20)).toBe(9);
  });
});

describe('what its connections free', () => {
  it('is its own to use, once', () => {
    share.counted(pod1, 10);
    share.countedAll(3);
    const lease = newLease(proxyA);
    share.freed(pod1, lease, true);
    share.freed(pod1, lease, true);
    expect(admitted(20)).toBe(1);
  });

  it('goes to bringing a pod below its limit first', () => {
    share.counted(pod1, 12);
    share.countedAll(1);
    for (const lease of leasesOf(proxyA, 3)) share.freed(pod1, lease, true);
    expect(admitted(20)).toBe(1);
  });

  it('counts when it was admitted alone, and not when it was never open', () => {
    share.countedAll(2);
    const lease = newLease(proxyA);
    share.admit(pod1, lease, LIMIT);
    share.freed(pod1, lease, true);
    share.freed(pod1, newLease(proxyA), false);
    expect(admitted(20)).toBe(5);
  });
});

it('a count from the store ends what was done alone', () => {
  share.countedAll(1);
  expect(admitted(20)).toBe(10);
  share.counted(pod1, 7);
  expect(admitted(20)).toBe(3);
});
