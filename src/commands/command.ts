/**
 * What a command is. It touches nothing of the process but what `command-line.ts` hands it as its `Host`, and ends with an exit
 * code, or by throwing an `Exit`.
 */

import type { Writable } from 'node:stream';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { explain } from '../system-error.ts';

/** What a command may use of the process. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: Writable;
  /** Whether people read `out`, rather than a file or a program. */
  readonly outIsTerminal: boolean;
  readonly err: Writable;
  /** Resolves with the first SIGTERM or SIGINT that comes from now on. A second one ends the process at once. */
  signal(): Promise<NodeJS.Signals>;
  /** From now on SIGHUP ends nothing, and calls this. */
  onHangup(told: () => void): void;
}

export interface Command {
  /** Its lines in `wsgate --help`. */
  readonly usage: string;
  /** `args`: those of the command line, without the command's name. Resolves with the exit code when all has ended. */
  run(args: string[], host: Host): Promise<number>;
}

type Values<Options extends ParseArgsOptionsConfig> = ReturnType<typeof parseArgs<{ options: Options }>>['values'];

/** `argumentsMax`: how many it takes beside its options. */
export function command<const Options extends ParseArgsOptionsConfig>(
  { usage, options, argumentsMax = 0 }: { usage: string; options: Options; argumentsMax?: number },
  run: (values: Values<Options>, rest: readonly string[], host: Host) => Promise<number>,
): Command {
  const parse = (args: string[]) => {
    try {
      return parseArgs({ args, options, allowPositionals: true });
    } catch (error) {
      throw misused(reasonOf(error));
    }
  };
  return {
    usage,
    async run(args, host) {
      const { values, positionals } = parse(args);
      if (positionals.length > argumentsMax) throw misused(`${positionals[argumentsMax]} is one argument too many`);
      return run(values, positionals, host);
    },
  };
}

/** Node goes on with advice on arguments that begin with a dash. */
function reasonOf(error: unknown): string {
  return explain(error).replace(/\. To specify a positional argument .*/s, '');
}

/** Ends the process with this code, after this text on stderr. */
export class Exit extends Error {
  readonly code: number;

  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }
}

/** As sysexits.h has them. */
export const EXIT_USAGE = 64;
export const EXIT_CONFIG = 78;

export function misused(what: string): Exit {
  return new Exit(EXIT_USAGE, `wsgate: ${what}\nwsgate --help says what there is\n`);
}
