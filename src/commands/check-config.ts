/** `wsgate check-config`: what is understood of the configuration, or every mistake in it. */

import { readFileSync } from 'node:fs';
import { describeConfig, describeMistakes } from '../config/describe.ts';
import { explainConfig } from '../config/explain.ts';
import { type ConfigInput, loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { unwise } from '../config/unwise.ts';
import { explain } from '../system-error.ts';
import { command, EXIT_CONFIG, Exit, type Host, misused } from './command.ts';

export const checkConfig = command(
  {
    usage: `  wsgate check-config [FILE] [--explain]
                                 print what is understood of the configuration, or every mistake in it. With --explain
                                 each key has a line: its value, where that comes from, and a * if it is not the default`,
    options: { config: { type: 'string' }, explain: { type: 'boolean', default: false } },
    argumentsMax: 1,
  },
  async ({ config: named, explain: explained }, [file], { env, out, err }) => {
    if (named !== undefined && file !== undefined) throw misused(`${file} is one argument too many`);
    const input = readInput(named ?? file, env);
    const config = configOf(input);
    out.write(explained ? explainConfig(config, input) : describeConfig(config));
    for (const warning of unwise(config)) err.write(`warning: ${warning}\n`);
    return 0;
  },
);

/** Throws an `Exit` when the file cannot be read, or when something in it or in the variables is wrong. */
export function readConfig(file: string | undefined, env: Host['env']): Config {
  return configOf(readInput(file, env));
}

/** The same, while a gate runs by an earlier one. There an empty file is one that somebody is about to write. */
export function readChangedConfig(file: string | undefined, env: Host['env']): Config {
  const input = readInput(file, env);
  if (input.text?.trim() !== '') return configOf(input);
  throw new Exit(
    EXIT_CONFIG,
    `${file}\n  found:    an empty file\n  expected: a map of keys, or {} for the defaults\n`,
  );
}

function readInput(file: string | undefined, env: Host['env']): ConfigInput {
  try {
    return file === undefined ? { env } : { file, text: readFileSync(file, 'utf8'), env };
  } catch (error) {
    throw new Exit(EXIT_CONFIG, `wsgate: cannot read ${file}: ${explain(error)}\n`);
  }
}

function configOf(input: ConfigInput): Config {
  const loaded = loadConfig(input);
  if (!loaded.ok) throw new Exit(EXIT_CONFIG, describeMistakes(loaded.mistakes));
  return loaded.config;
}
