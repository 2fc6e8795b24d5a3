import { expect, it } from 'vitest';
import { uptime } from '../../dashboard/uptime.ts';

it.each([
  [-5, '0s'],
  [999, '0s'],
  [59_999, '59s'],
  [60_000, '1m 0s'],
  [3_599_000, '59m 59s'],
  [3_600_000, '1h 0m'],
  [90_061_000, '1d 1h'],
  [400 * 86_400_000, '400d 0h'],
])('%d ms of uptime read %j', (ms, text) => {
  expect(uptime(ms)).toBe(text);
});
