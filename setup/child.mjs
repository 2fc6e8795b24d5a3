/**
 * Child programs: run to their end, told of the signals that this process gets, never left behind. By hand on
 * node:child_process, because this runs before any package is installed.
 */

import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** @typedef {{ code: number, signal: NodeJS.Signals | null }} Ending */
/** @typedef {{ cwd?: string, env?: NodeJS.ProcessEnv }} Surroundings */

/** How much of a quiet program's output is kept for its error message. */
const OUTPUT_KEPT_CHARS = 16_384;

/** Set-up was told to stop: clean up, then end by the same signal. */
export class Interrupted extends Error {
  /** @param {NodeJS.Signals} signal */
  constructor(signal) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

/**
 * Runs a program with this process's own input and output.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {Surroundings} [surroundings]
 * @returns {Promise<Ending>}
 */
export async function run(program, args, surroundings = {}) {
  const { ending } = await attend(spawn(program, args, { ...surroundings, stdio: 'inherit' }));
  return ending;
}

/**
 * Runs a program of the set-up: its output is only shown when it fails, as part of the error.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {Surroundings} [surroundings]
 * @returns {Promise<string>} what it wrote to its standard output
 */
export async function quietly(program, args, surroundings = {}) {
  const child = spawn(program, args, { ...surroundings, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let both = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
    both = (both + text).slice(-OUTPUT_KEPT_CHARS);
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    both = (both + text).slice(-OUTPUT_KEPT_CHARS);
  });
  const { ending, told } = await attend(child);
  if (told !== undefined) throw new Interrupted(told);
  if (ending.code !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${both.trim()}`);
  return stdout;
}

/**
 * Waits for a child's end, and hands on the signals meant for it, each once. On a terminal, Ctrl-C and a hang-up go to
 * every process of the group, the child among them, so those two are only handed on where there is no terminal.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<{ ending: Ending, told: NodeJS.Signals | undefined }>}
 */
function attend(child) {
  const terminal = hasTerminal();
  /** @type {NodeJS.Signals | undefined} */
  let told;
  /** @param {NodeJS.Signals} signal */
  const onSignal = (signal) => {
    told = signal;
    if (signal === 'SIGTERM' || !terminal) child.kill(signal);
  };
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, onSignal);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ ending: { code: code ?? 1, signal }, told }));
  }).finally(() => {
    for (const signal of signals) process.off(signal, onSignal);
  });
}

function hasTerminal() {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

/**
 * Where a program is on the PATH.
 *
 * @param {string} program
 * @returns {string | undefined}
 */
export function onPath(program) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

/** @param {string} file */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
