import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RecentNames } from '../../src/admission/recent-names.ts';

let holding: Set<string>;
let gone: string[];
let asked: number;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  holding = new Set();
  gone = [];
  asked = 0;
});
afterEach(() => void vi.useRealTimers());

const upTo = (max: number) =>
  new RecentNames<string>({
    max,
    holds: (name) => {
      asked += 1;
      return holding.has(name);
    },
    gaveWay: (name) => void gone.push(name),
  });

it('a new name takes the place of the one that was used longest ago', () => {
  const names = upTo(3);
  for (const name of ['a', 'b', 'c', 'a', 'd', 'e']) expect(names.use(name)).toBe(true);
  expect(gone).toEqual(['b', 'c']);
  expect(['a', 'b', 'c', 'd', 'e'].filter((name) => names.has(name))).toEqual(['a', 'd', 'e']);
});

it('a name that holds something keeps its place, however long ago it was used', () => {
  const names = upTo(3);
  for (const name of ['live', 'b', 'c']) names.use(name);
  holding.add('live');
  for (const name of ['d', 'e', 'f', 'g']) expect(names.use(name)).toBe(true);
  expect(gone).toEqual(['b', 'c', 'd', 'e']);
  expect(names.use('live')).toBe(true);
});

it('a new name is turned away only when each of the others holds something', () => {
  const names = upTo(2);
  holding = new Set(['a', 'b']);
  expect(['a', 'b', 'c', 'a', 'b'].map((name) => names.use(name))).toEqual([true, true, false, true, true]);
  expect(gone).toEqual([]);
});

it('the place of one that holds nothing any more is found within a second', () => {
  const names = upTo(2);
  holding = new Set(['a', 'b', 'c']);
  for (const name of ['a', 'b', 'c']) names.use(name);
  holding.delete('b');
  vi.advanceTimersByTime(1000);
  expect(names.use('c')).toBe(true);
  expect(gone).toEqual(['b']);
});

it('a flood of new names asks the others a few times each, and keeps no more than there may be', () => {
  const max = 1000;
  const names = upTo(max);
  for (let number = 0; number < max; number += 1) {
    names.use(`live${number}`);
    holding.add(`live${number}`);
  }
  for (let number = 0; number < 50_000; number += 1) expect(names.use(`invented${number}`)).toBe(false);
  expect(asked).toBe(2 * max); // when a place was wanted, and once again
  holding.delete('live7');
  vi.advanceTimersByTime(1000);
  asked = 0;
  for (let number = 0; number < 50_000; number += 1) expect(names.use(`more${number}`)).toBe(true);
  expect(asked).toBe(max + 50_000);
  expect(gone).toHaveLength(50_000);
});
