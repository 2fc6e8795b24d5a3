/** What of a thread's lateness is the machine's fault. */

import { expect, it } from 'vitest';
import { Stall } from '../../lab/fleet/stall.ts';

const PROCESSORS = 2;

it('is all lateness while nobody of us was busy', () => {
  const stall = new Stall(PROCESSORS);
  stall.late(80);
  stall.settle(100, 0);
  expect(stall.ms).toBe(80);
});

it('is no lateness while we kept all processors busy', () => {
  const stall = new Stall(PROCESSORS);
  stall.late(80);
  stall.settle(100, PROCESSORS * 100);
  expect(stall.ms).toBe(0);
});

it('is no more than the processors were not busy with us', () => {
  const stall = new Stall(PROCESSORS);
  stall.late(80);
  stall.settle(100, PROCESSORS * 60);
  expect(stall.ms).toBe(40);
});

it('is lateness that has not been looked at yet', () => {
  const stall = new Stall(PROCESSORS);
  stall.late(30);
  expect(stall.ms).toBe(30);
});

it('does not add up where processor time is told in coarse steps', () => {
  const stall = new Stall(PROCESSORS);
  for (let round = 0; round < 50; round++) {
    stall.late(80);
    stall.settle(100, PROCESSORS * (round % 2 === 0 ? 80 : 120));
  }
  expect(stall.ms).toBe(20);
});
