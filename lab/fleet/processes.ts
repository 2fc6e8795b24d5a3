/**
 * Programs that run beside this one: started, watched, stopped, and never left behind. By hand on node:child_process: no
 * library (execa) keeps children from outliving a SIGKILL of this process (`guard.ts`), or waits by the machine's time.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { guard } from './guard.ts';
import { machineNow } from './machine-time.ts';

/** How much of a program's output is kept. A gate's log of a busy test is the longest that anyone reads back. */
const LINES_KEPT = 20_000;

export interface Program {
  readonly name: string;
  readonly pid: number;
  readonly process: ChildProcess;
  /** Fulfilled when it has ended: `exit code 1`, or `SIGKILL`. */
  readonly ended: Promise<string>;
  /** What it wrote to stdout and stderr, the last 20,000 lines. */
  lines(): readonly string[];
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, and waits for its end. Rejects, having killed it, when that takes longer than `deadlineMs` (10,000). */
  stop(deadlineMs?: number): Promise<void>;
}

export interface Command {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Beside PATH, HOME and Node's cache. Nothing else is inherited, so that a developer's REDIS_URL changes no test. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What every program inherits. */
export function bareEnv(): Record<string, string> {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE };
}

export async function start({ name, file, args, env }: Command): Promise<Program> {
  const child = spawn(file, args, {
    env: { ...bareEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C in a terminal is for this process to act on, not for its children.
    detached: true,
  });
  const lines = keepLines(child);
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  guard(child);
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} has no process id`);
  return {
    name,
    pid,
    process: child,
    ended,
    lines: () => lines,
    kill: (signal) => void child.kill(signal),
    async stop(deadlineMs = 10_000) {
      child.kill('SIGTERM');
      const inTime = await within(ended, deadlineMs);
      if (inTime) return;
      child.kill('SIGKILL');
      await ended;
      throw new Error(`${name} did not end within ${deadlineMs} ms of SIGTERM.\n${lastLines(lines)}`);
    },
  };
}

function keepLines(child: ChildProcess): string[] {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    let unfinished = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (unfinished + text).split('\n');
      unfinished = parts.pop() ?? '';
      lines.push(...parts);
      if (lines.length > LINES_KEPT) lines.splice(0, lines.length - LINES_KEPT);
    });
    stream?.on('end', () => unfinished && lines.push(unfinished));
  }
  return lines;
}

export function lastLines(lines: readonly string[], count = 20): string {
  return lines.length === 0 ? '(it wrote nothing)' : lines.slice(-count).join('\n');
}

/** Waits until the program answers well; fails at once when it ends instead. */
export async function untilReady(program: Program, ready: () => Promise<boolean>, deadlineMs = 20_000): Promise<void> {
  let ending: string | undefined;
  void program.ended.then((how) => {
    ending = how;
  });
  try {
    await until(
      `${program.name} is ready`,
      async () => {
        if (ending !== undefined) throw new Error(`${program.name} ended before it was ready: ${ending}`);
        return ready();
      },
      deadlineMs,
    );
  } catch (error) {
    program.kill('SIGKILL');
    await program.ended;
    throw new Error(`${error instanceof Error ? error.message : error}\n${lastLines(program.lines())}`);
  }
}

/** Asks again and again until it is so. Rejects after the deadline, by the machine's time, or when asking does. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, deadlineMs = 5_000): Promise<void> {
  const deadline = machineNow() + deadlineMs;
  while (!(await isSo())) {
    if (machineNow() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** True when the promise is fulfilled in time. */
async function within(promise: Promise<unknown>, deadlineMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, deadlineMs, false);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Below those that systems give to outgoing connections, so that none takes a port between this call and its use. */
const PORTS = { first: 12_000, count: 20_000 };

export async function freePort(): Promise<number> {
  // At random: test runs beside this one choose, too.
  const server = createServer().listen(PORTS.first + Math.floor(Math.random() * PORTS.count), '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return freePort(); // that one is taken
  }
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
