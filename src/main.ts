#!/usr/bin/env node
/** The process: arguments, environment, signals, exit codes. Nothing else touches them. */

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { startApp } from './app.ts';
import { describeConfig, describeMistakes } from './config/describe.ts';
import { type LoadedConfig, loadConfig } from './config/load.ts';

const USAGE = `wsgate keeps an exact, fleet-wide limit on WebSocket connections per pod, for Envoy.

  wsgate serve [--config FILE]   serve Envoy, by the file and the WSGATE_… variables
  wsgate check-config [FILE]     print what is understood of them, or every mistake in them
  wsgate --version
`;

/** Of the command line or the configuration, as sysexits.h has it. */
const EXIT_USAGE = 64;
const EXIT_CONFIG = 78;

const { pid } = process;

async function main(args: readonly string[]): Promise<number | undefined> {
  const [command, ...rest] = args;
  switch (command) {
    case 'serve':
      return serve(parseArgs({ args: rest, options: { config: { type: 'string' } } }).values.config);
    case 'check-config':
      return checkConfig(parseArgs({ args: rest, allowPositionals: true }).positionals[0]);
    case '--version':
      process.stdout.write(`${version()}\n`);
      return 0;
    case '--help':
    case 'help':
      process.stdout.write(USAGE);
      return 0;
    default:
      process.stderr.write(command === undefined ? USAGE : `wsgate: there is no command ${command}\n\n${USAGE}`);
      return EXIT_USAGE;
  }
}

async function serve(file: string | undefined): Promise<number | undefined> {
  const loaded = load(file);
  if (!loaded.ok) return refuse(loaded);
  const { config } = loaded;
  const log = pino({ level: config.log.level, base: { pid } });
  const app = await startApp(config, log);
  log.info({ grpc: app.grpc, http: app.http, store: config.store.url ? 'redis' : 'embedded' }, 'serving');
  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, 'stopping; a second signal ends at once');
    const inTime = await app.stop();
    if (inTime) log.info('stopped');
    else log.warn({ deadlineMs: config.stop.deadline }, 'stopped at the deadline: something was cut off');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, (name) => void stop(name));
  return undefined;
}

function checkConfig(file: string | undefined): number {
  const loaded = load(file);
  if (!loaded.ok) return refuse(loaded);
  process.stdout.write(describeConfig(loaded.config));
  return 0;
}

function load(file: string | undefined): LoadedConfig {
  return loadConfig({ ...(file === undefined ? {} : { file, text: readFileSync(file, 'utf8') }), env: process.env });
}

function refuse({ mistakes }: Extract<LoadedConfig, { ok: false }>): number {
  process.stderr.write(describeMistakes(mistakes));
  return EXIT_CONFIG;
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}

main(process.argv.slice(2)).then(
  (code) => {
    if (code !== undefined) process.exitCode = code;
  },
  (error: Error) => {
    process.stderr.write(`wsgate: ${error.message}\n`);
    process.exitCode = 1;
  },
);
