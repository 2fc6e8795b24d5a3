/**
 * `node scripts/run.mjs TASK [ARGS…]`: sets up whatever the task needs, then runs it under Node 24. Plain JavaScript
 * without dependencies, for any Node from 18 on: it has to run before anything is set up.
 */

import { join } from 'node:path';
import { build } from '../setup/build.mjs';
import { root } from '../setup/cache.mjs';
import { Interrupted, run } from '../setup/child.mjs';
import { provideDashboard } from '../setup/dashboard.mjs';
import { provideTestPrograms } from '../setup/debian.mjs';
import { findEnvoy } from '../setup/envoy.mjs';
import { provideNode } from '../setup/node.mjs';
import { providePackages } from '../setup/packages.mjs';
import { findValkey } from '../setup/valkey.mjs';
import { testControlPlanes, testEnvoys } from './test-envoys.mjs';

/** @typedef {import('../setup/child.mjs').Ending} Ending */

/** What a task needs that is not of npm. */
const NEEDS = {
  async envoy() {
    process.env.ENVOY_BIN = await findEnvoy();
  },
  programs: provideTestPrograms,
  dashboard: provideDashboard,
  async valkey() {
    process.env.WSGATE_TEST_REDIS_SERVER = await findValkey();
  },
};

/** @typedef {{ needs?: (keyof typeof NEEDS)[], run: (args: string[]) => Promise<Ending> }} Task */

/** @type {Record<string, Task>} */
const TASKS = {
  build: { run: build },
  check: { run: check },
  playground: { needs: ['envoy', 'dashboard'], run: (args) => source('scripts/playground.ts', args) },
  test: {
    needs: ['envoy', 'programs', 'dashboard'],
    async run(args) {
      const checked = await check();
      return checked.code === 0 ? program('vitest', ['run', ...args]) : checked;
    },
  },
  'test:envoys': { needs: ['programs'], run: testEnvoys },
  'test:control-planes': { needs: ['programs'], run: testControlPlanes },
  /** The tests of the Redis store. That Valkey knows no TLS. */
  'test:valkey': {
    needs: ['programs', 'valkey'],
    run: (args) => program('vitest', ['run', 'redis', '--exclude', 'test/contract/redis-tls*', ...args]),
  },
  traffic: { run: (args) => source('scripts/traffic.ts', args) },
  fuzz: { run: (args) => source('lab/fuzz.ts', args) },
  faults: { needs: ['envoy', 'programs'], run: (args) => source('lab/faults.ts', args) },
  bench: { needs: ['envoy', 'programs'], run: (args) => source('bench/main.ts', args) },
  profile: { needs: ['programs'], run: (args) => source('bench/profile.ts', args) },
  screenshots: {
    needs: ['envoy', 'programs', 'dashboard'],
    run: (args) => source('scripts/screenshots.ts', args),
  },
  soak: { needs: ['envoy', 'programs'], run: (args) => source('lab/soak.ts', args) },
  night: { needs: ['envoy', 'programs'], run: night },
};

/** What is too slow for `.ci/run`. */
async function night() {
  /** @type {[string, string[]][]} */
  const steps = [
    ['node_modules/vitest/vitest.mjs', ['run', 'model', 'fuzz', 'unit']],
    ['lab/faults.ts', ['--policy', 'both', '--door', 'all', '--at-once', '2']],
    ['lab/soak.ts', ['--minutes', '30']],
    ['bench/main.ts', []],
    ['scripts/run.mjs', ['test:envoys']],
    ['scripts/run.mjs', ['test:control-planes']],
  ];
  Object.assign(process.env, { WSGATE_TEST_SEED: 'random', WSGATE_TEST_RUNS: '10', WSGATE_TEST_SLOW: '1' });
  /** @type {string[]} */
  const told = [];
  /** @type {Ending} */
  let worst = { code: 0, signal: null };
  for (const [file, args] of steps) {
    const beganMs = Date.now();
    const ending = await source(file, args);
    if (ending.signal !== null) return ending;
    const minutes = ((Date.now() - beganMs) / 60_000).toFixed(0);
    told.push(`${file}: ${ending.code === 0 ? 'passed' : 'failed'}, ${minutes} min`);
    if (ending.code !== 0) worst = ending;
  }
  for (const each of told) console.log(each);
  return worst;
}

/** Types, style, dead code: all that is wrong, not only the first. */
async function check() {
  /** @type {Ending} */
  let worst = { code: 0, signal: null };
  for (const [name, ...args] of [['tsc', '-p', '.'], ['tsc', '-p', 'dashboard'], ['biome', 'check', '.'], ['knip']]) {
    const ending = await program(String(name), args);
    if (ending.signal !== null) return ending;
    if (ending.code !== 0) worst = ending;
  }
  return worst;
}

/**
 * @param {string} file
 * @param {string[]} args
 */
function source(file, args) {
  return run('node', [join(root, file), ...args], { cwd: root });
}

/**
 * @param {string} name
 * @param {string[]} args
 */
function program(name, args) {
  return run(join(root, 'node_modules/.bin', name), args, { cwd: root });
}

/** @param {string[]} argv */
async function main([name = '', ...args]) {
  const task = Object.hasOwn(TASKS, name) ? TASKS[name] : undefined;
  if (task === undefined) {
    console.error(`usage: node scripts/run.mjs ${Object.keys(TASKS).join('|')} [ARGS…]`);
    process.exitCode = 2;
    return;
  }
  try {
    await providePackages(await provideNode());
    // The sources are stripped and compiled once, not for each of the gates that a task starts.
    process.env.NODE_COMPILE_CACHE ??= join(root, '.cache/compiled');
    for (const need of task.needs ?? []) await NEEDS[need]();
    endLike(await task.run(args));
  } catch (error) {
    if (error instanceof Interrupted) return endLike({ code: 1, signal: error.signal });
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

/** @param {Ending} ending */
function endLike({ code, signal }) {
  process.exitCode = code;
  if (signal !== null) process.kill(process.pid, signal);
}

await main(process.argv.slice(2));
