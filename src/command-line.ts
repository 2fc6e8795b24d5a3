/**
 * The process: arguments, environment, signals, exit codes. Nothing else touches them, but for `main.ts`, which loads
 * this. The commands are in `commands.ts`.
 */

import { constants } from 'node:os';
import { EXIT_USAGE, Exit, misused } from './commands/command.ts';
import { commands, USAGE } from './commands.ts';
import { version } from './version.ts';

const EXIT_NOT_STARTED = 1;
/** What is still open after a command has ended is a bug, but no reason to stay. */
const LINGER_MS = 500;

const { env, stdout: out, stderr: err } = process;

async function main(args: string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) return print(USAGE);
  if (args.includes('--version')) return print(`${version()}\n`);
  const [first] = args;
  if (first === undefined) throw new Exit(EXIT_USAGE, USAGE);
  // Options may come before the command; `help` has the name of a command after it.
  const names = first === 'help' ? [first] : args.filter((arg) => !arg.startsWith('-'));
  const name = names.find((arg) => commands.has(arg)) ?? names[0];
  if (name === undefined) throw misused(`${first} needs a command`);
  const command = commands.get(name);
  if (!command) throw misused(`there is no command ${name}`);
  return command.run(args.toSpliced(args.indexOf(name), 1), {
    env,
    out,
    outIsTerminal: out.isTTY,
    err,
    signal,
    onHangup,
  });
}

function onHangup(told: () => void): void {
  process.on('SIGHUP', told);
}

function signal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let told = false;
    const tell = (name: NodeJS.Signals) => {
      if (told) process.exit(128 + constants.signals[name]);
      told = true;
      resolve(name);
    };
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, tell);
  });
}

function print(text: string): number {
  out.write(text);
  return 0;
}

/** The process ends by itself, its last lines written; or is ended. */
function end(code: number): void {
  process.exitCode = code;
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

main(process.argv.slice(2)).then(end, (error: Error) => {
  err.write(error instanceof Exit ? error.message : `wsgate: ${error.message}\n`);
  end(error instanceof Exit ? error.code : EXIT_NOT_STARTED);
});
