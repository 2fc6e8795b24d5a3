/** `npm start` with a mistake. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { freePort } from '../../lab/fleet/processes.ts';

const PLAYGROUND = fileURLToPath(new URL('../../scripts/playground.ts', import.meta.url));

it('with a REDIS_URL that leads nowhere, it names the address and ends with 1 before it starts anything', async () => {
  const port = await freePort();
  const env = { PATH: process.env.PATH, REDIS_URL: `redis://user:secret@127.0.0.1:${port}/0` };
  const ending = await new Promise((resolve) => {
    execFile(process.execPath, [PLAYGROUND], { env, timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ code: error?.code, stdout, stderr }),
    );
  });
  expect(ending).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(new RegExp(`^REDIS_URL: no Redis at 127\\.0\\.0\\.1:${port}: .*ECONNREFUSED.*\n$`)),
  });
});
