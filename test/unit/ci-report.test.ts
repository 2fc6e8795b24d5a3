/** The last lines of `.ci/run`. */

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { lendFolder } from '../../lab/fleet/folder.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/ci-report.mjs', import.meta.url));

interface Run {
  readonly exit: number;
  readonly counts?: Readonly<Record<string, unknown>>;
  readonly retries?: readonly string[];
}

async function reportOf(runs: Readonly<Record<string, Run>>): Promise<{ code: number | null; lines: string[] }> {
  const folder = lendFolder('ci-report');
  for (const [name, { exit, counts, retries }] of Object.entries(runs)) {
    writeFileSync(join(folder.path, `${name}.exit`), `${exit}\n`);
    if (counts) writeFileSync(join(folder.path, `${name}.json`), JSON.stringify(counts));
    if (retries) writeFileSync(join(folder.path, `${name}.json.retries`), retries.map((line) => `${line}\n`).join(''));
  }
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [SCRIPT, folder.path, ...Object.keys(runs)], (_error, stdout) => {
      folder.remove();
      resolve({ code: child.exitCode, lines: stdout.trimEnd().split('\n') });
    });
  });
}

it('adds up the counts, and prints the number of retries in the line before the last', async () => {
  const { code, lines } = await reportOf({
    all: { exit: 0, counts: { numPassedTests: 7, numPendingTests: 2 }, retries: ['a test', 'another'] },
    faults: { exit: 0, counts: { numPassedTests: 3, numRetries: 1 } },
  });
  expect(lines).toEqual(['3 retries of what failed while the machine stalled', '10 passed, 0 failed, 2 skipped']);
  expect(code).toBe(0);
});

it('fails when there were more than five retries', async () => {
  const { code, lines } = await reportOf({ all: { exit: 0, counts: { numPassedTests: 7, numRetries: 6 } } });
  expect(lines.at(-2)).toContain('6 retries');
  expect(lines.at(-1)).toBe('7 passed, 1 failed, 0 skipped');
  expect(code).toBe(1);
});

it('counts a run that fails without a failed test as one failure', async () => {
  const { code, lines } = await reportOf({ all: { exit: 1, counts: { numPassedTests: 7 } }, soak: { exit: 2 } });
  expect(lines.at(-1)).toBe('7 passed, 2 failed, 0 skipped');
  expect(code).toBe(1);
});

it('names what failed', async () => {
  const testResults = [
    {
      name: join(process.cwd(), 'test/a.test.ts'),
      assertionResults: [
        { status: 'failed', fullName: 'a pod is full' },
        { status: 'passed', fullName: 'a pod is empty' },
      ],
    },
  ];
  const { lines } = await reportOf({
    all: { exit: 1, counts: { numPassedTests: 1, numFailedTests: 1, testResults } },
    soak: { exit: 2 },
  });
  expect(lines.slice(0, -2)).toEqual([
    'failed: all: test/a.test.ts > a pod is full',
    'failed: soak: as a whole, with 2',
  ]);
});
