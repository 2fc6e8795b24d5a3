/**
 * The programs that some tests need besides Envoy, where they can be had without asking: as root on Debian. Elsewhere
 * those tests find their own way (Redis by testcontainers), or are skipped and say why.
 */

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { Interrupted, onPath, quietly } from './child.mjs';
import { step } from './step.mjs';

/** By what they bring: packages of Debian, with spaces between them. @type {Record<string, string>} */
const PACKAGES = {
  'redis-server': 'redis-server',
  promtool: 'prometheus',
  h2load: 'nghttp2-client',
  chromium: 'chromium',
  // For a Redis with another clock. The compiler alone has no headers.
  cc: 'gcc libc6-dev',
};

/** What Debian's packages ask before they start their service; 101 means no. */
const POLICY = '/usr/sbin/policy-rc.d';

export async function provideTestPrograms() {
  const missing = Object.keys(PACKAGES).filter((program) => onPath(program) === undefined);
  if (missing.length === 0 || process.getuid?.() !== 0 || onPath('apt-get') === undefined) return;
  const packages = missing.flatMap((program) => (PACKAGES[program] ?? program).split(' '));
  try {
    await step(`${packages.join(' and ')} from Debian`, () => withoutServices(() => install(packages)));
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    console.error(error instanceof Error ? error.message : error);
  }
}

/** @param {readonly string[]} packages */
async function install(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await quietly('apt-get', ['update'], { env });
  await quietly('apt-get', ['install', '--yes', '--no-install-recommends', ...packages], { env });
}

/** @param {() => Promise<void>} work */
async function withoutServices(work) {
  if (existsSync(POLICY)) return work();
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await work();
  } finally {
    rmSync(POLICY);
  }
}
