/** A start that fails leaves nothing open: the process ends by itself, and nobody has to end it. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';

const source = (path: string) => fileURLToPath(new URL(`../../src/${path}`, import.meta.url));

let redis: RedisServer;
afterEach(() => redis.stop());

it('when Redis has answered before the address of listen.grpc turns out not to be had', async () => {
  redis = await startRedis();
  const env = {
    WSGATE_STORE_URL: redis.url,
    WSGATE_LISTEN_GRPC: 'unix:/absent/folder/grpc.sock',
    WSGATE_LISTEN_HTTP: '127.0.0.1:0',
  };
  const script = `
    import { pino } from 'pino';
    import { startApp } from ${JSON.stringify(source('app.ts'))};
    import { loadConfig } from ${JSON.stringify(source('config/load.ts'))};
    const { config } = loadConfig({ env: ${JSON.stringify(env)} });
    await startApp(config, pino({ level: 'silent' })).catch(({ message }) => console.log(message));
  `;
  const { PATH = '' } = process.env;
  const options = { env: { PATH }, timeout: 20_000, killSignal: 'SIGKILL' } as const;
  const ending = await new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '--eval', script], options, (error, stdout) =>
      resolve({ signal: error?.signal ?? null, stdout }),
    );
  });
  expect(ending).toEqual({ signal: null, stdout: expect.stringContaining('there is no folder /absent/folder') });
});
