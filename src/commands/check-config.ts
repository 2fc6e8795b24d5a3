/** `wsgate check-config`: what is understood of the configuration, or every mistake in it. */

import { readFileSync } from 'node:fs';
import { describeConfig, describeMistakes } from '../config/describe.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { unwise } from '../config/unwise.ts';
import { explain } from '../system-error.ts';
import { command, EXIT_CONFIG, Exit, type Host, misused } from './command.ts';

export const checkConfig = command(
  {
    usage: '  wsgate check-config [FILE]     print what is understood of the configuration, or every mistake in it',
    options: { config: { type: 'string' } },
    argumentsMax: 1,
  },
  async ({ config: named }, [file], { env, out, err }) => {
    if (named !== undefined && file !== undefined) throw misused(`${file} is one argument too many`);
    const config = readConfig(named ?? file, env);
    out.write(describeConfig(config));
    for (const warning of unwise(config)) err.write(`warning: ${warning}\n`);
    return 0;
  },
);

/** Throws an `Exit` when the file cannot be read, or when something in it or in the variables is wrong. */
export function readConfig(file: string | undefined, env: Host['env']): Config {
  let from = {};
  try {
    if (file !== undefined) from = { file, text: readFileSync(file, 'utf8') };
  } catch (error) {
    throw new Exit(EXIT_CONFIG, `wsgate: cannot read ${file}: ${explain(error)}\n`);
  }
  const loaded = loadConfig({ ...from, env });
  if (!loaded.ok) throw new Exit(EXIT_CONFIG, describeMistakes(loaded.mistakes));
  return loaded.config;
}
