/** One round of `npm run fuzz`, which says what it does. */

import { expect, it } from 'vitest';
import { attack } from '../../../lab/fuzz/attack.ts';
import { ROUND } from '../../../lab/fuzz/bad-messages.ts';
import { testSeed } from '../../support/property.ts';

it('whatever bytes arrive, the gate answers others in time, keeps its count, and does not grow', async () => {
  console.log(`fuzz: WSGATE_TEST_SEED=${testSeed}`);
  const { problems, sent } = await attack({ seed: testSeed, isEnough: (sent) => sent === ROUND });
  expect(problems).toEqual([]);
  expect(sent).toBe(ROUND);
}, 60_000);
