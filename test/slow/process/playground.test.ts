/** `npm start`, and what it says to try: on the ports that it always has. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { start, until } from '../../../lab/fleet/processes.ts';

const script = (name: string) => fileURLToPath(new URL(`../../../scripts/${name}.ts`, import.meta.url));

function traffic(scenario: string): Promise<{ code: unknown; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script('traffic'), '--scenario', scenario], (error, stdout, stderr) =>
      resolve({ code: error ? (error.code ?? error.signal) : 0, output: stdout + stderr }),
    );
  });
}

it('the playground counts a known table right, and its service fills evenly, gets a pod and loses one', async () => {
  const env = { ENVOY_BIN: process.env.ENVOY_BIN ?? '' };
  const playground = await start({ name: 'playground', file: process.execPath, args: [script('playground')], env });
  onTestFinished(() => playground.stop());
  await until('it is up', () => playground.lines().some((line) => line.startsWith('Ready in')), 60_000);
  for (const scenario of ['table', 'service']) {
    const { code, output } = await traffic(scenario);
    expect(code, output).toBe(0);
  }
});
