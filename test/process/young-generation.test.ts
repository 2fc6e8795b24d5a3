/** V8's young generation is bounded however a gate is started. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bareEnv, until } from '../../lab/fleet/processes.ts';
import { YOUNG_GENERATION_FLAG } from '../../src/young-generation.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/**
 * Tells each start of Node in the process. At SIGUSR2, allocates what makes an unbounded young generation grow to 64 MiB,
 * and prints its size.
 */
const PRELOAD = `
import { getHeapSpaceStatistics } from 'node:v8';
console.log('started with', process.execArgv.filter((flag) => flag.startsWith('--max')).join());
process.once('SIGUSR2', () => {
  let kept = [];
  for (let i = 0; i < 4e6; i++) {
    kept.push({ i, list: [i] });
    if (kept.length > 150_000) kept = [];
  }
  const { space_size } = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
  console.log('young generation', space_size / 2 ** 20, 'MiB');
});`;

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly errors: () => string;
}

/** As by a person: `node [flags] main.ts serve`. Resolves when it serves. */
async function serve(flags: string[] = [], nodeOptions = ''): Promise<Started> {
  const preload = `data:text/javascript,${encodeURIComponent(PRELOAD)}`;
  const child = spawn(process.execPath, ['--import', preload, ...flags, MAIN, 'serve'], {
    env: {
      ...bareEnv(),
      NODE_OPTIONS: nodeOptions,
      WSGATE_LISTEN_GRPC: '127.0.0.1:0',
      WSGATE_LISTEN_HTTP: '127.0.0.1:0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [output, errors] = [textOf(child.stdout), textOf(child.stderr)];
  await until('the gate serves', () => output().includes('"serving"'), 20_000);
  return { child, output, errors };
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return () => text;
}

const startsIn = (text: string): string[] => [...text.matchAll(/started with (.*)/g)].map(([, flags]) => flags ?? '');

describe('the young generation of a gate that node started without a flag', () => {
  it('stays small under a load; the process says nothing of it, and ends as it would', async () => {
    const { child, output, errors } = await serve();
    expect(startsIn(output())).toEqual(['', YOUNG_GENERATION_FLAG]);
    child.kill('SIGUSR2');
    await until('the size is told', () => / MiB\n/.test(output()), 20_000);
    expect(Number(/young generation (\S+) MiB/.exec(output())?.[1])).toBeLessThanOrEqual(16);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(errors()).toBe('');
  });
});

describe('a gate is started once only', () => {
  it('by a flag on the command line, which wins', async () => {
    const { output } = await serve(['--max-semi-space-size=2']);
    expect(startsIn(output())).toEqual(['--max-semi-space-size=2']);
  });

  it('by NODE_OPTIONS, however they spell the flag', async () => {
    const { output } = await serve([], '--max_semi_space_size=2');
    expect(startsIn(output())).toEqual(['']);
  });

  it('where Node does not allow it, and without a word', async () => {
    const { output, errors } = await serve(['--permission', '--allow-fs-read=*', '--allow-fs-write=*']);
    expect(startsIn(output())).toEqual(['']);
    expect(errors()).not.toContain('execve');
  });
});
