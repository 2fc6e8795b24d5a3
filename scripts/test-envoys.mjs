/**
 * The end-to-end tests on every supported Envoy, one after the other. Prints a line for each and at the end, alone on
 * its line, `N passed, N failed` over all of them.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inScratch, root } from '../setup/cache.mjs';
import { run } from '../setup/child.mjs';
import { findEgctl, findIstioRenderer, findKubernetes } from '../setup/control-planes.mjs';
import { findEnvoy } from '../setup/envoy.mjs';

/** The newest of each minor version since Envoy can log the opening of a tunnel. */
const [OLDEST, MIDDLE, NEWEST] = ['1.36.4', '1.38.3', '1.40.0'];
const VERSIONS = [OLDEST, '1.37.0', MIDDLE, '1.39.3', NEWEST];

/** @typedef {import('../setup/child.mjs').Ending} Ending */
/** @typedef {{ name: string, assertionResults: { status: string, fullName: string }[] }} FileResult */
/** @typedef {{ passed: number, failed: number, retries: number, files: FileResult[] }} Counts */

/** What is tried where there is little time: each door, each name, each way to end. */
const CORE = ['config-files', 'hold', 'limit', 'names', 'protocols', 'release', 'restart', 'stream-names'];

/**
 * @param {readonly string[]} args for vitest; `--beside-npm-test` before them for what that leaves: it has the newest
 *   Envoy; and of those between it and the oldest, one is tried with the core. `npm run night` has all of all
 * @returns {Promise<Ending>}
 */
export function testEnvoys(args) {
  const [first, ...rest] = args;
  if (first !== '--beside-npm-test') {
    return testOn(VERSIONS, (version) => ['test/envoy', ...(isAtAnEnd(version) ? ['test/slow/envoy'] : []), ...args]);
  }
  const core = CORE.map((name) => `test/envoy/${name}.test.ts`);
  return testOn([OLDEST, MIDDLE, NEWEST], (version) => {
    if (version === MIDDLE) return [...core, ...rest];
    return [...(version === OLDEST ? ['test/envoy'] : []), 'test/slow/envoy', ...rest];
  });
}

/**
 * What control planes render, on the oldest Envoy that takes it, and on the newest.
 *
 * @param {readonly string[]} args for vitest
 * @returns {Promise<Ending>}
 */
export async function testControlPlanes(args) {
  process.env.WSGATE_TEST_CONTROL_PLANES = '1';
  process.env.WSGATE_EGCTL = await findEgctl();
  process.env.WSGATE_ISTIO_RENDERER = await findIstioRenderer();
  process.env.WSGATE_KUBERNETES = await findKubernetes();
  return testOn(['1.38.3', '1.40.0'], () => ['test/control-planes', ...args]);
}

/**
 * @param {readonly string[]} versions
 * @param {(version: string) => readonly string[]} argsOf for vitest
 * @returns {Promise<Ending>}
 */
async function testOn(versions, argsOf) {
  const report = process.env.WSGATE_TEST_REPORT;
  /** @type {[string, Counts][]} */
  const results = [];
  for (const version of versions) {
    delete process.env.ENVOY_BIN;
    process.env.ENVOY_VERSION = version;
    process.env.ENVOY_BIN = await findEnvoy();
    console.log(`Envoy ${version}`);
    const { ending, counts } = await inScratch((scratch) => test(join(scratch, 'report.json'), argsOf(version)));
    if (ending.signal !== null) return ending;
    results.push([version, counts]);
  }
  const sum = { passed: 0, failed: 0, retries: 0 };
  for (const [version, { passed, failed, retries }] of results) {
    console.log(`Envoy ${version}: ${passed} passed, ${failed} failed`);
    sum.passed += passed;
    sum.failed += failed;
    sum.retries += retries;
  }
  console.log(`${sum.passed} passed, ${sum.failed} failed`);
  const { passed, failed, retries } = sum;
  if (report) {
    const testResults = results.flatMap(([, { files }]) => files.filter(hasFailed));
    writeFileSync(
      report,
      JSON.stringify({ numPassedTests: passed, numFailedTests: failed, numRetries: retries, testResults }),
    );
  }
  return { code: sum.failed === 0 ? 0 : 1, signal: null };
}

/** What takes long is tried on the oldest and the newest only. @param {string} version */
function isAtAnEnd(version) {
  return version === OLDEST || version === NEWEST;
}

/** @param {FileResult} file */
function hasFailed({ assertionResults }) {
  return assertionResults.some(({ status }) => status === 'failed');
}

/**
 * A run that fails without a failed test (a hook, an unhandled rejection, nothing run at all) counts as one failure.
 *
 * @param {string} report
 * @param {readonly string[]} args
 */
async function test(report, args) {
  Object.assign(process.env, { WSGATE_TEST_REPORT: report, WSGATE_TEST_SLOW: '1' });
  const ending = await run(join(root, 'node_modules/.bin/vitest'), ['run', ...args], { cwd: root });
  /** @type {{ numPassedTests: number, numFailedTests: number, testResults: FileResult[] }} */
  let found = { numPassedTests: 0, numFailedTests: 0, testResults: [] };
  try {
    found = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    // It ended before it could write one.
  }
  const failed = ending.code === 0 ? found.numFailedTests : Math.max(found.numFailedTests, 1);
  const retries = linesOf(`${report}.retries`);
  return { ending, counts: { passed: found.numPassedTests, failed, retries, files: found.testResults } };
}

/** @param {string} file */
function linesOf(file) {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).length : 0;
}
