/** `npm start` with a mistake. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { freePort } from '../../lab/fleet/processes.ts';
import { startRedis } from '../../lab/redis/server.ts';

const PLAYGROUND = fileURLToPath(new URL('../../scripts/playground.ts', import.meta.url));

/** Runs it to its end, which is soon. */
function playground(redisUrl: string): Promise<unknown> {
  const env = { PATH: process.env.PATH, REDIS_URL: redisUrl };
  return new Promise((resolve) => {
    execFile(process.execPath, [PLAYGROUND], { env, timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ code: error?.code, stdout, stderr }),
    );
  });
}

it('with a REDIS_URL that leads nowhere, it names the address and ends with 1 before it starts anything', async () => {
  const port = await freePort();
  expect(await playground(`redis://user:secret@127.0.0.1:${port}/0`)).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(new RegExp(`^REDIS_URL: no Redis at 127\\.0\\.0\\.1:${port}: .*ECONNREFUSED.*\n$`)),
  });
});

it.each([
  ['a wrong password', ':wrong@', 'WRONGPASS'],
  ['no password', '', 'NOAUTH'],
])('with %s in REDIS_URL, it says so, without the password, and ends with 1', async (_, account, why) => {
  const redis = await startRedis({ args: ['--requirepass', 'right'] });
  const ending = await playground(`redis://${account}127.0.0.1:${redis.port}`);
  await redis.stop();
  expect(ending).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      new RegExp(`^REDIS_URL: the Redis at 127\\.0\\.0\\.1:${redis.port} cannot be used: .*${why}.*\n$`),
    ),
  });
});
