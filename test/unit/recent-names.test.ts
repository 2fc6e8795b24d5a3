import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RecentNames } from '../../src/admission/recent-names.ts';

const HOUR_MS = 60 * 60 * 1000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

it('takes as many names as it may, and those again', () => {
  const names = new RecentNames<string>(2);
  expect(['a', 'b', 'c', 'a', 'b', 'c'].map((name) => names.use(name))).toEqual([true, true, false, true, true, false]);
});

it('keeps the room of a name that is used within every hour, and gives away that of one that is not', () => {
  const names = new RecentNames<string>(2);
  names.use('used');
  names.use('unused');
  for (let hours = 0; hours < 3; hours += 1) {
    vi.advanceTimersByTime(HOUR_MS - 1000);
    expect(names.use('used')).toBe(true);
    vi.advanceTimersByTime(1000);
    expect(names.use('used')).toBe(true);
  }
  expect(names.use('new')).toBe(true);
  expect(names.use('unused')).toBe(false);
});
