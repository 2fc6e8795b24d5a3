/** The gate's image by itself: the program in it, and a container that serves. */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../lab/fleet/processes.ts';
import { root } from '../../setup/cache.mjs';
import { isAtHand } from './images.ts';

const exec = promisify(execFile);
const BUILD_DEADLINE_MS = 600_000;
const IMAGE = 'wsgate-test-image';
const BASE = 'node:24-bookworm-slim';

const docker = async (...args: readonly string[]) =>
  (await exec('docker', args, { cwd: root, maxBuffer: 2 ** 26 })).stdout;
const wsgate = (...args: readonly string[]) => docker('run', '--rm', IMAGE, ...args);

const canBuild = await isAtHand(BASE);
if (!canBuild) console.warn(`skipped: Docker does not answer, or has no image ${BASE}`);

describe.skipIf(!canBuild)('the image', () => {
  beforeAll(async () => {
    await docker('build', '--quiet', '--target', 'gate', '--tag', IMAGE, '.');
  }, BUILD_DEADLINE_MS);
  afterAll(async () => {
    if (canBuild) await docker('image', 'rm', '--force', IMAGE);
  });

  it('tells its version and how it is used, with every key, and checks a configuration', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await wsgate('--version')).toBe(`${version}\n`);
    expect(await wsgate('--help')).toContain('wsgate serve');
    expect(await wsgate('help', 'config')).toContain('unrenewedMax');
    expect(await wsgate('check-config')).toContain('grpc: 127.0.0.1:7070');
  });

  it('serves as a user that is not root, is ready and healthy, and stops in order', { timeout: 120_000 }, async () => {
    const container = (await docker('run', '--detach', IMAGE)).trim();
    try {
      const health = () => docker('inspect', '--format', '{{.State.Health.Status}}', container);
      await until('the container is healthy', async () => (await health()).trim() === 'healthy', 60_000);
      const ask = "fetch('http://127.0.0.1:7071/readyz').then((r) => console.log(r.status, process.getuid() !== 0))";
      expect(await docker('exec', container, 'node', '-e', ask)).toBe('200 true\n');
      await docker('stop', container);
      expect(await docker('inspect', '--format', '{{.State.ExitCode}}', container)).toBe('0\n');
    } finally {
      await docker('rm', '--force', container);
    }
  });
});
