/**
 * `node scripts/ci-report.mjs FOLDER RUN…`: what the runs of `.ci/run` came to. Each left in the folder its exit code
 * (`RUN.exit`), its counts (`RUN.json`), and the tests that were run once more (`RUN.json.retries`, one a line). Names
 * what failed, then prints how often something was run once more, and on the last line `N passed, N failed, N skipped`. Plain JavaScript without
 * dependencies, for any Node.
 */

import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** More of them are no longer a machine that has its moments. */
const RETRIES_MAX = 5;

const [folder, ...runs] = process.argv.slice(2);
const sum = { passed: 0, failed: 0, skipped: 0, retries: 0 };
for (const run of runs) {
  const file = `${folder}/${run}.json`;
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const { numPassedTests = 0, numFailedTests = 0, numPendingTests = 0, numTodoTests = 0, numRetries = 0 } = report;
  const ended = existsSync(`${folder}/${run}.exit`) ? readFileSync(`${folder}/${run}.exit`, 'utf8').trim() : 'never';
  sum.passed += numPassedTests;
  // A run that fails without a failed test (types, style, a hook, an unhandled rejection) counts as one failure.
  sum.failed += ended === '0' ? numFailedTests : Math.max(numFailedTests, 1);
  const failures = failuresOf(report);
  if (ended !== '0' && failures.length === 0) failures.push(`as a whole, with ${ended}`);
  for (const failure of failures) console.log(`failed: ${run}: ${failure}`);
  sum.skipped += numPendingTests + numTodoTests;
  sum.retries += numRetries + linesOf(`${file}.retries`);
}
const tooMany = sum.retries > RETRIES_MAX;
console.log(
  `${sum.retries} retries of what failed while the machine stalled${tooMany ? `: more than ${RETRIES_MAX}, which is a failure` : ''}`,
);
if (tooMany) sum.failed += 1;
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed === 0 ? 0 : 1;

/**
 * The names of the failed tests, as vitest reports them.
 * @param {{ testResults?: { name: string, assertionResults: { status: string, fullName: string }[] }[] }} report
 */
function failuresOf({ testResults = [] }) {
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName }) => `${relative(process.cwd(), name)} > ${fullName}`),
  );
}

/** @param {string} file */
function linesOf(file) {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).length : 0;
}
