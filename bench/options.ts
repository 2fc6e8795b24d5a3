/** The command line of `npm run bench`. */

import { parseArgs } from 'node:util';

export const USAGE = `Measures what a gate costs, as ratios to floors of the same run on the same machine.

  npm run bench                       all benchmarks
  npm run bench -- --only NAME,NAME   some of them; --list tells their names
  npm run bench -- --short            smaller loads: compares the ratios with those of bench/baseline.json

  --accept       with --short: write what is found into that file, for later runs to be compared with
  --write FILE   also write the table into a document
  --json         print the figures as JSON, every sample of them, instead of a table
  --list
  --help

Nothing else should be busy on the machine meanwhile. It needs Linux, h2load (Debian: nghttp2-client) and redis-server.

Exit code: 0; 1 when a target is missed, or with --short when a ratio is worse than its baseline by more than its noise;
2 for a command line that makes no sense.
`;

export interface BenchOptions {
  readonly only: readonly string[] | undefined;
  readonly length: 'full' | 'short';
  readonly accept: boolean;
  readonly write: string | undefined;
  readonly json: boolean;
}

/** A command line that makes no sense; the message says why. */
export class BadArguments extends Error {}

export function parseBenchOptions(args: readonly string[], names: readonly string[]): BenchOptions | 'help' | 'list' {
  const given = parse(args);
  if (given.help) return 'help';
  if (given.list) return 'list';
  const only = given.only?.split(',');
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new BadArguments(`--only: ${names.join(', ')}; not ${unknown}`);
  if (given.accept && !given.short) throw new BadArguments('--accept is for --short: the baseline is of short runs');
  return {
    only,
    length: given.short ? 'short' : 'full',
    accept: given.accept,
    write: given.write,
    json: given.json,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        short: { type: 'boolean', default: false },
        accept: { type: 'boolean', default: false },
        write: { type: 'string' },
        json: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new BadArguments(error instanceof Error ? error.message : String(error));
  }
}
