/** One round of `npm run fuzz`, which says what it does. */

import { expect, it } from 'vitest';
import { attack } from '../../lab/fuzz/attack.ts';
import { ROUND } from '../../lab/fuzz/bad-messages.ts';

const { WSGATE_TEST_SEED: seed = String(Date.now() % 2 ** 31) } = process.env;

it('whatever bytes arrive, the gate answers others in time, keeps its count, and does not grow', async () => {
  console.log(`fuzz: WSGATE_TEST_SEED=${seed}`);
  const { problems, sent } = await attack({ seed: Number(seed), isEnough: (sent) => sent === ROUND });
  expect(problems).toEqual([]);
  expect(sent).toBe(ROUND);
}, 60_000);
