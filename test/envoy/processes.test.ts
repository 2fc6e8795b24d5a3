/** What the tests, the playground and the benchmarks stand on: no program that they start outlives them. */

import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { start, until } from '../../lab/fleet/processes.ts';

const PROCESSES = fileURLToPath(new URL('../../lab/fleet/processes.ts', import.meta.url));

/** Starts two programs, ends the first, and tells both their numbers. */
const PARENT = `
  import { start } from ${JSON.stringify(PROCESSES)};
  const [first, second] = await Promise.all([1, 2].map((n) => start({ name: 'sleep', file: 'sleep', args: ['600'] })));
  await first.stop();
  console.log(first.pid + ' ' + second.pid);
`;

it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('leaves no child behind when it ends by %s', async (signal) => {
  const parent = await start({
    name: 'parent',
    file: process.execPath,
    args: ['--input-type=module', '--eval', PARENT],
  });
  await until('the children run', () => parent.lines().length > 0);
  const [first = 0, second = 0] = (parent.lines()[0] ?? '').split(' ').map(Number);
  expect([isAlive(first), isAlive(second)]).toEqual([false, true]);
  parent.kill(signal);
  expect(await parent.ended).toBe(signal);
  await until('the other child has ended', () => !isAlive(second));
});

it('stops a program that does not listen to SIGTERM, and says so', async () => {
  const deaf = await start({
    name: 'deaf',
    file: 'sh',
    args: ['-c', 'trap "" TERM; echo deaf; exec tail -f /dev/null'],
  });
  await until('it is deaf', () => deaf.lines().length > 0);
  await expect(deaf.stop(100)).rejects.toThrow('deaf did not end within 100 ms of SIGTERM.\ndeaf');
  expect(await deaf.ended).toBe('SIGKILL');
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
