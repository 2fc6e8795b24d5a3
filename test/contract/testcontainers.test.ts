/** The suite of every store, on the published image of Redis, where Docker runs and has the image or can get it. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import { afterAll, beforeAll, describe } from 'vitest';
import { openStore } from '../../lab/redis/store.ts';
import { describeLeaseStore } from './lease-store.ts';

const IMAGE = 'redis:8-alpine';
const PULL_MS_MAX = 20_000;
const START_MS_MAX = 20_000;
const LIFE_SECONDS_MAX = 120;

const docker = (timeoutMs: number, ...args: string[]) =>
  promisify(execFile)('docker', args, { timeout: timeoutMs, killSignal: 'SIGKILL' }).then(
    () => true,
    () => false,
  );

async function reasonToSkip(): Promise<string | undefined> {
  if (!(await docker(5_000, 'info'))) return 'Docker does not run here';
  if (await docker(5_000, 'image', 'inspect', IMAGE)) return undefined;
  if (await docker(PULL_MS_MAX, 'pull', '--quiet', IMAGE)) return undefined;
  return `there is no image ${IMAGE}, and none could be pulled within ${PULL_MS_MAX / 1000} s`;
}

const reason = await reasonToSkip();
if (reason !== undefined) console.warn(`skipped: the Redis store on testcontainers, because ${reason}`);
// One image is enough to ask for: the container ends by itself, without testcontainers' own clean-up container.
process.env.TESTCONTAINERS_RYUK_DISABLED ??= 'true';

describe.skipIf(reason !== undefined)(`on ${IMAGE}`, () => {
  let container: StartedTestContainer;
  let url: string;
  let client: Redis;
  beforeAll(async () => {
    container = await new GenericContainer(IMAGE)
      .withExposedPorts(6379)
      .withAutoRemove(true)
      .withCommand(['timeout', `${LIFE_SECONDS_MAX}`, 'redis-server', '--protected-mode', 'no'])
      .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
      .withStartupTimeout(START_MS_MAX)
      .start();
    url = `redis://${container.getHost()}:${container.getMappedPort(6379)}`;
    client = new Redis(url, { protocol: 2 });
  });
  afterAll(async () => {
    client?.disconnect();
    await container?.stop({ timeout: 1_000 });
  });

  describeLeaseStore('the Redis', async () => {
    await client.flushall();
    return openStore(url);
  });
});
