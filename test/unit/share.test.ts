import { beforeEach, describe, expect, it } from 'vitest';
import { Events } from '../../src/admission/events.ts';
import type { LeaseId } from '../../src/admission/ids.ts';
import type { Choice, Order } from '../../src/admission/lease-store.ts';
import { Share } from '../../src/admission/share.ts';
import { Standing } from '../../src/admission/standing.ts';
import { leasesOf, newLease, pod1, pod2, proxyA } from '../support/names.ts';

const LIMIT = 10;

let events: Events;
let standing: Standing;
let share: Share;
beforeEach(() => {
  events = new Events();
  const options = { recoveryMs: 1000, ttlMs: 60_000, admitsAlone: true, up: true, gateSilentMs: 5000 };
  standing = new Standing(options, events);
  share = new Share(standing, events);
  sync();
});

/** The store is trusted again. */
function sync(): void {
  standing.written(standing.epoch);
  const answer = { timeMs: 1000, incarnationMs: 0, gates: 1, gatesAwaited: 0, gatesBackMs: 0 };
  standing.heard({ ...answer, gatesBehind: 0, gatesDoubting: 0, silentGates: [], silentProxies: [] }, standing.epoch);
  expect(standing.synced).toBe(true);
}

function admitted(asked: number, pod = pod1): number {
  return leasesOf(proxyA, asked).filter((lease) => share.admit(pod, LIMIT, lease)).length;
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
    expect([share.admit(pod1, LIMIT, lease), share.admit(pod1, LIMIT, lease)]).toEqual([true, true]);
    expect(admitted(20)).toBe(9);
  });
});

describe('what its connections free', () => {
  it('is its own to use, once', () => {
    share.counted(pod1, 10);
    share.countedAll(3);
    const lease = newLease(proxyA);
    share.freed(pod1, lease, true);
    share.freed(pod1, lease, false); // its end comes once more
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
    share.admit(pod1, LIMIT, lease);
    share.freed(pod1, lease, true);
    share.freed(pod1, newLease(proxyA), false);
    expect(admitted(20)).toBe(5);
  });
});

describe('what was done alone', () => {
  it('ends when the store is trusted again', () => {
    share.countedAll(1);
    events.emit('storeChanged', false, 'away');
    expect(admitted(20)).toBe(10);
    events.emit('storeChanged', true, '');
    sync();
    share.counted(pod1, 7);
    expect(admitted(20)).toBe(3);
  });

  it('is not undone by a count that was on its way when it was done', () => {
    share.countedAll(1);
    events.emit('storeChanged', false, 'away');
    expect(admitted(10)).toBe(10);
    events.emit('storeChanged', true, '');
    share.counted(pod1, 0); // of a renewal, before all is written
    expect(admitted(1)).toBe(0);
  });

  it('ends for a single lease when the store has written it', () => {
    share.countedAll(1);
    const [refused, other] = leasesOf(proxyA, 2) as [LeaseId, LeaseId];
    share.admit(pod1, LIMIT, refused); // the store refused to answer this one
    share.counted(pod1, 9); // an answer to somebody else
    expect(share.admit(pod1, LIMIT, other)).toBe(false);
    share.written(pod1, [refused]);
    share.counted(pod1, 9);
    expect(share.admit(pod1, LIMIT, other)).toBe(true);
  });

  it('keeps one number for its closes, however many there are', () => {
    share.counted(pod1, 1000);
    share.countedAll(1);
    for (const lease of leasesOf(proxyA, 100)) share.freed(pod1, lease, true);
    expect(share.admit(pod1, 901, newLease(proxyA))).toBe(true);
    expect(share.admit(pod1, 901, newLease(proxyA))).toBe(false);
  });
});

describe('alone, of the pods of a service a gate chooses', () => {
  const limits = [
    [pod1, LIMIT],
    [pod2, LIMIT],
  ] as const;
  const chosen = (...how: [choice?: Choice, order?: Order]) => share.choose(limits, newLease(proxyA), ...how);
  beforeEach(() => {
    share.counted(pod1, 4);
    share.counted(pod2, 7);
    share.countedAll(2);
  });

  it('by its own part of each, what it has admitted alone counted', () => {
    expect(chosen()).toBe(pod1);
    expect(chosen({ pick: 'pack' })).toBe(pod2);
    expect(chosen({ pick: 'least', first: [pod2] })).toBe(pod2);
    expect(admitted(9, pod2)).toBe(1); // of 3 left, half
    expect(chosen({ pick: 'pack' })).toBe(pod1);
    expect(chosen({ pick: 'least', first: [pod2] })).toBe(pod1);
  });

  it('below the soft limit first, as far as it knows the counts', () => {
    expect(chosen({ pick: 'pack' }, { softLimit: 7 })).toBe(pod1);
    expect(admitted(3)).toBe(3);
    expect(chosen({ pick: 'pack' }, { softLimit: 7 })).toBe(pod2); // both have 7
  });

  it('the one that it has let in before, whatever it would choose now', () => {
    const lease = newLease(proxyA);
    expect(share.admit(pod2, LIMIT, lease)).toBe(true);
    expect(share.choose(limits, lease)).toBe(pod2);
  });
});
