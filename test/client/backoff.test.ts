import { expect, it } from 'vitest';
import { Waits } from '../../src/client/backoff.ts';

const backoff = { firstMs: 100, factor: 3, maxMs: 1000 };

it('waits up to three times as long after each failure, up to the longest, and begins again after a good connection', () => {
  const waits = new Waits(backoff, () => 1);
  expect([0, 0, 999, 0, 0, 1000, 0].map((lastedMs) => waits.next(lastedMs))).toEqual([
    100, 300, 900, 1000, 1000, 100, 300,
  ]);
});

it('waits a random part of that', () => {
  const randoms = [0, 0.25, 0.5];
  const waits = new Waits(backoff, () => randoms.shift() ?? Number.NaN);
  expect([waits.next(0), waits.next(0), waits.next(0)]).toEqual([0, 75, 450]);
});
