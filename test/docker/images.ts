/** Which images there are. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const exec = promisify(execFile);
const PULL_DEADLINE_MS = 300_000;

/** Whether Docker has it, or can get it from a registry. */
export async function isAtHand(image: string): Promise<boolean> {
  return (
    (await succeeds('docker', ['image', 'inspect', image])) || (await succeeds('docker', ['pull', '--quiet', image]))
  );
}

export async function succeeds(file: string, args: readonly string[]): Promise<boolean> {
  try {
    await exec(file, args, { timeout: PULL_DEADLINE_MS });
    return true;
  } catch {
    return false;
  }
}
