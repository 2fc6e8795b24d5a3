/** What of a thread's lateness is the machine's fault. */

import { expect, it } from 'vitest';
import { Stall } from '../../lab/fleet/stall.ts';

const PROCESSORS = 2;

it('all lateness is a stall while our own programs were idle', () => {
  const stall = new Stall(PROCESSORS);
  stall.late(80);
  stall.settle(100, 0);
  expect(stall.ms).toBe(80);
});

it('no lateness is a stall while our own programs kept all processors busy', () => {
  const stall = new Stall(PROCESSORS);
  stall.late(80);
  stall.settle(100, PROCESSORS * 100);
  expect(stall.ms).toBe(0);
});

it('a stall is at most the time that our own programs left unused', () => {
  const stall = new Stall(PROCESSORS);
  stall.late(80);
  stall.settle(100, PROCESSORS * 60);
  expect(stall.ms).toBe(40);
});

it('lateness counts as a stall until it is settled', () => {
  const stall = new Stall(PROCESSORS);
  stall.late(30);
  expect(stall.ms).toBe(30);
});

it('stalls do not add up where processor time is counted in coarse steps', () => {
  const stall = new Stall(PROCESSORS);
  for (let round = 0; round < 50; round++) {
    stall.late(80);
    stall.settle(100, PROCESSORS * (round % 2 === 0 ? 80 : 120));
  }
  expect(stall.ms).toBe(20);
});
