import { expect, it } from 'vitest';
import { Paced } from '../../dashboard/paced.ts';

const EVERY_MS = 30;

it('work is done at once, then at most once an interval, for all who asked meanwhile', async () => {
  const begunMs: number[] = [];
  const paced = new Paced(EVERY_MS, async () => void begunMs.push(performance.now()));
  paced.ask();
  expect(begunMs).toHaveLength(1);
  for (let asked = 0; asked < 5; asked += 1) paced.ask();
  await expect.poll(() => begunMs.length).toBe(2);
  const [first = 0, second = 0] = begunMs;
  expect(second - first).toBeGreaterThanOrEqual(EVERY_MS - 2); // a timer counts whole ms, and may be early by one
  paced.ask();
  await expect.poll(() => begunMs.length).toBe(3);
  paced.close();
});

it('work is never done twice at the same time, however long it takes', async () => {
  let atWork = 0;
  let most = 0;
  let done = 0;
  const paced = new Paced(0, async () => {
    atWork += 1;
    most = Math.max(most, atWork);
    paced.ask();
    await new Promise(setImmediate);
    atWork -= 1;
    done += 1;
  });
  paced.ask();
  await expect.poll(() => done).toBeGreaterThan(3);
  paced.close();
  expect(most).toBe(1);
});
