/** The fault bench in short, as a command: the whole of it is `npm run faults`, in docs/faults.md and in .ci/run. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const BENCH = fileURLToPath(new URL('../../scripts/faults.ts', import.meta.url));
const TIMEOUT_MS = 120_000;

function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [BENCH, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, output: stdout + stderr }),
    );
  });
}

/** What it did, without the times and what came of it. */
function done(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => /^ *\d+\.\d s /.test(line))
    .map((line) => line.replace(/^ *\d+\.\d s +/, '').replace(/;.*/, ''));
}

it(
  'holds when Redis comes back empty, an Envoy stops, everybody comes back at once',
  async () => {
    const { code, output } = await run('--short');
    expect(code, output).toBe(0);
    expect(output).toMatch(/3 of 3 hold/);
  },
  TIMEOUT_MS,
);

it(
  'does the same things in the same order for the same seed, and others for another',
  async () => {
    const fault = ['--short', '--only', 'envoy-sigterm'];
    const runs = ['7', '7', '8'].map(async (seed) => done((await run(...fault, '--seed', seed)).output));
    const [first, second, other] = await Promise.all(runs);
    expect(first?.join('\n')).toMatch(/did [0-9a-f]{12}/);
    expect(second).toEqual(first);
    expect(other).not.toEqual(first);
  },
  TIMEOUT_MS,
);
