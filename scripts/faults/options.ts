/** The command line of `npm run faults`. */

import { parseArgs } from 'node:util';
import type { Policy } from './fleet-options.ts';

export const USAGE = `Breaks a fleet in every way that it knows, and says what held.

  npm run faults                       all faults, one after the other
  npm run faults -- --only NAME,NAME   some of them; --list tells their names
  npm run faults -- --short            a few, in less than a minute

  --seed N         the order of things; 1 if not given
  --policy POLICY  outage.policy: deny, allow or share; share if not given
  --write FILE     also write the table into a document
  --verbose        tell every open and close
  --list
  --help

Exit code: 0; 1 when a bound is broken; 2 for a command line that makes no sense.
`;

export interface FaultOptions {
  readonly only: readonly string[] | undefined;
  readonly length: 'full' | 'short';
  readonly seed: number;
  readonly policy: Policy;
  readonly write: string | undefined;
  readonly verbose: boolean;
}

/** A command line that makes no sense; the message says why. */
export class BadArguments extends Error {}

export function parseFaultOptions(args: readonly string[], names: readonly string[]): FaultOptions | 'help' | 'list' {
  const given = parse(args);
  if (given.help) return 'help';
  if (given.list) return 'list';
  const seed = Number(given.seed);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new BadArguments(`--seed: a whole number, not ${given.seed}`);
  const only = given.only?.split(',');
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new BadArguments(`--only: there is no fault ${unknown}; --list tells which there are`);
  const { policy } = given;
  if (policy !== 'deny' && policy !== 'allow' && policy !== 'share') {
    throw new BadArguments(`--policy: deny, allow or share, not ${policy}`);
  }
  return { only, length: given.short ? 'short' : 'full', seed, policy, write: given.write, verbose: given.verbose };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        short: { type: 'boolean', default: false },
        seed: { type: 'string', default: '1' },
        policy: { type: 'string', default: 'share' },
        write: { type: 'string' },
        verbose: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new BadArguments(error instanceof Error ? error.message : String(error));
  }
}
