#!/usr/bin/env -S node --max-semi-space-size=16
/**
 * The process: arguments, environment, signals, exit codes. Nothing else touches them.
 *
 * The flag bounds V8's young generation, in MiB: a third less resident memory for no more CPU (docs/performance.md).
 */

import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { startApp } from './app.ts';
import { watch } from './commands/watch.ts';
import { describeConfig, describeMistakes } from './config/describe.ts';
import { loadConfig } from './config/load.ts';
import type { Config } from './config/schema.ts';
import { explain } from './system-error.ts';

const USAGE = `wsgate keeps an exact, fleet-wide limit on WebSocket connections per pod, for Envoy.

  wsgate serve [--config FILE]   serve Envoy, by the file and the WSGATE_… variables
  wsgate check-config [FILE]     print what is understood of them, or every mistake in them
  wsgate watch [--url URL] [--pod NAME]… [--type TYPE]… [--json]
                                 print the events of the gate at URL (http://127.0.0.1:7071), and of all that share its
                                 Redis, until Ctrl-C; its token, if it needs one, is in WSGATE_TOKEN
  wsgate --version
  wsgate --help

SIGTERM and SIGINT stop it in order, within stop.deadline; a second one ends it at once.

It exits with 0 when it was stopped, 1 when it could not start (an address is taken, a gate refuses to be watched), 64
when the command line is wrong, 78 when the configuration is, and 128 + the signal's number at the second signal.
`;

const EXIT_NOT_STARTED = 1;
/** These two as sysexits.h has them. */
const EXIT_USAGE = 64;
const EXIT_CONFIG = 78;
/** What is still open after a stop is a bug, but no reason to stay. */
const LINGER_MS = 500;

const { pid } = process;

async function main(args: string[]): Promise<number> {
  let line: ReturnType<typeof readCommandLine>;
  if (args[0] === 'watch') return watchEvents(args.slice(1));
  try {
    line = readCommandLine(args);
  } catch (error) {
    return misused(explain(error));
  }
  const { values, positionals } = line;
  if (values.help) return print(USAGE);
  if (values.version) return print(`${version()}\n`);
  const [command, ...rest] = positionals;
  const filesMax = command === 'check-config' && values.config === undefined ? 1 : 0;
  if (rest.length > filesMax) return misused(`${rest[filesMax]} is one argument too many`);
  const file = values.config ?? rest[0];
  switch (command) {
    case 'serve':
      return serve(file);
    case 'check-config':
      return checkConfig(file);
    case 'help':
      return print(USAGE);
    default:
      return command === undefined ? complain(USAGE, EXIT_USAGE) : misused(`there is no command ${command}`);
  }
}

function readCommandLine(args: string[]) {
  return parseArgs({
    args,
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  });
}

function misused(what: string): number {
  return complain(`wsgate: ${what}\nwsgate --help says what there is\n`, EXIT_USAGE);
}

/** Resolves once it serves; 0 is then the exit code to come. */
async function serve(file: string | undefined): Promise<number> {
  const loaded = load(file);
  if ('refusal' in loaded) return complain(loaded.refusal, EXIT_CONFIG);
  const { config } = loaded;
  const log = pino({ level: config.log.level, base: { pid } });
  const app = await startApp(config, log);
  log.info({ grpc: app.grpc, http: app.http, store: config.store.url ? 'redis' : 'embedded' }, 'serving');
  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) process.exit(128 + constants.signals[signal]);
    stopping = true;
    log.info({ signal }, 'stopping; a second signal ends at once');
    const inTime = await app.stop();
    if (inTime) log.info('stopped');
    else log.warn({ deadlineMs: config.stop.deadline }, 'stopped at the deadline: something was cut off');
    endSoon();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, (name) => void stop(name));
  return 0;
}

async function watchEvents(args: string[]): Promise<number> {
  let line: ReturnType<typeof readWatchLine>;
  try {
    line = readWatchLine(args);
  } catch (error) {
    return misused(explain(error));
  }
  if (line.help) return print(USAGE);
  const { url: text, pod: pods, type: types, json } = line;
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) return misused(`--url ${text}: expected http://… or https://…`);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  const token = process.env.WSGATE_TOKEN || undefined;
  const { stdout: out, stderr: err } = process;
  await watch({ url, token, pods, types, json, out, err, signal: stop.signal });
  endSoon();
  return 0;
}

function readWatchLine(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      url: { type: 'string', default: 'http://127.0.0.1:7071' },
      pod: { type: 'string', multiple: true, default: [] },
      type: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  return values;
}

function checkConfig(file: string | undefined): number {
  const loaded = load(file);
  if ('refusal' in loaded) return complain(loaded.refusal, EXIT_CONFIG);
  return print(describeConfig(loaded.config));
}

function load(file: string | undefined): { readonly config: Config } | { readonly refusal: string } {
  let from = {};
  try {
    if (file !== undefined) from = { file, text: readFileSync(file, 'utf8') };
  } catch (error) {
    return { refusal: `wsgate: cannot read ${file}: ${explain(error)}\n` };
  }
  const loaded = loadConfig({ ...from, env: process.env });
  return loaded.ok ? loaded : { refusal: describeMistakes(loaded.mistakes) };
}

/** The process ends by itself, its last lines written; or is ended. */
function endSoon(): void {
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

function complain(text: string, code: number): number {
  process.stderr.write(text);
  return code;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    process.exitCode = complain(`wsgate: ${error.message}\n`, EXIT_NOT_STARTED);
  },
);
