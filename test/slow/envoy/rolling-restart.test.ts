/** Ten pods are restarted one by one under connections; gates know of it by a file. */

import { writeFileSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import type { Fleet } from '../../../lab/fleet/fleet.ts';
import { rollAll, startToRoll } from '../../support/rolling.ts';
import { inFolder } from '../../support/sourced.ts';

vi.setConfig({ testTimeout: 240_000 });

let fleet: Fleet | undefined;
afterEach(() => fleet?.stop());

it('no upgrade fails while there is room, each pod keeps its limit, and the old ones end at 0', async () => {
  const file = inFolder()('chat.json');
  writeFileSync(file, '["10.0.0.1:1"]');
  const rolled = await startToRoll({ endpoints: { file } });
  fleet = rolled;
  const said = (words: string) =>
    rolled.gates.map((gate) => gate.lines().filter((line) => line.includes(words)).length);
  await rollAll(rolled, '127.0.0.1', async (ready) => {
    const before = said('the endpoints of a service have changed');
    writeFileSync(file, JSON.stringify(ready.map(({ port }) => `127.0.0.1:${port}`)));
    const bothKnow = before.map((count) => count + 1);
    await expect.poll(() => said('the endpoints of a service have changed')).toEqual(bothKnow);
  });
  expect(said('cannot be read')).toEqual([0, 0]);
});
