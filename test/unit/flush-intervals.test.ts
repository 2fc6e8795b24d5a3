import { expect, it } from 'vitest';
import { Events } from '../../src/admission/events.ts';
import { FlushIntervals } from '../../src/admission/flush-intervals.ts';
import { proxyA } from '../support/names.ts';

function told(times: { ttlMs: number; recoveryMs: number }, intervalsMs: readonly number[]): unknown[] {
  const events = new Events();
  const said: unknown[] = [];
  events.on('flushedTooRarely', (...args) => said.push(args));
  const intervals = new FlushIntervals(times, events);
  for (const ms of intervalsMs) intervals.measured(proxyA, ms);
  return said;
}

it('a ttl below two and a half intervals is reported once', () => {
  const times = { ttlMs: 60_000, recoveryMs: 30_000 };
  expect(told(times, Array(20).fill(24_000))).toEqual([]);
  expect(told(times, Array(20).fill(24_400))).toEqual([[proxyA, 24_400, 'lease.ttl', 61_000]]);
});

it('a recovery that is too short for every connection to be written down is reported; none at all is not', () => {
  const intervals = Array(20).fill(15_000);
  expect(told({ ttlMs: 60_000, recoveryMs: 16_000 }, intervals)).toEqual([]);
  expect(told({ ttlMs: 60_000, recoveryMs: 15_000 }, intervals)).toEqual([[proxyA, 15_000, 'lease.recovery', 16_000]]);
  expect(told({ ttlMs: 60_000, recoveryMs: 0 }, intervals)).toEqual([]);
});

it('delays do not change the interval: the shortest of five counts', () => {
  const times = { ttlMs: 60_000, recoveryMs: 30_000 };
  expect(told(times, [40_000, 40_000, 40_000, 40_000, 15_000, 40_000])).toEqual([]);
  expect(told(times, [40_000, 40_000, 40_000, 40_000])).toEqual([]);
});

/** Which of the intervals show that an entry between got lost. */
function missedAmong(intervalsMs: readonly number[]): boolean[] {
  const intervals = new FlushIntervals({ ttlMs: 60_000, recoveryMs: 30_000 }, new Events());
  return intervalsMs.map((ms) => intervals.measured(proxyA, ms));
}

it('an interval that is twice the usual one shows that an entry got lost', () => {
  const missed = missedAmong([...Array(10).fill(15_000), 30_000, ...Array(10).fill(15_000)]);
  expect(missed.indexOf(true)).toBe(10);
  expect(missed.lastIndexOf(true)).toBe(10);
});

it('a network that stalled once, so that an entry came late and the next one soon after it, changes nothing for good', () => {
  const missed = missedAmong([...Array(10).fill(15_000), 25_000, 5_000, ...Array(50).fill(15_000), 30_000]);
  expect(missed.slice(12, -1)).not.toContain(true);
  expect(missed.at(-1)).toBe(true);
});

it('where a third of all entries gets lost, that is seen', () => {
  const missed = missedAmong(Array.from({ length: 60 }, (_, i) => (i % 3 === 2 ? 45_000 : 15_000)));
  expect(missed.slice(10).filter(Boolean).length).toBeGreaterThan(10);
});
