/** The command line of `npm run faults`. */

import { parseArgs } from 'node:util';
import type { Policies } from './trials.ts';

export const USAGE = `Breaks a fleet in every way that it knows, and says what held.

  npm run faults                       all faults
  npm run faults -- --only NAME,NAME   some of them; --list tells their names
  npm run faults -- --short            a few, in less than a minute

  --seed N         the order of things; 1 if not given
  --policy POLICY  outage.policy: share, deny or allow; both for share and deny, one after the other; alternate for each
                   fault once, under share and deny by turns. share if not given
  --at-once N      how many faults happen at once, each to a fleet of its own; 1 if not given
  --write FILE     also write the tables into a document
  --verbose        tell every open and close
  --list
  --help

Exit code: 0; 1 when a bound is broken; 2 for a command line that makes no sense.
`;

const POLICIES: readonly string[] = ['share', 'deny', 'allow', 'both', 'alternate'] satisfies Policies[];
const AT_ONCE_MAX = 8;

export interface FaultOptions {
  readonly only: readonly string[] | undefined;
  readonly length: 'full' | 'short';
  readonly seed: number;
  readonly policy: Policies;
  readonly atOnce: number;
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
  if (!isPolicies(policy)) throw new BadArguments(`--policy: ${POLICIES.join(', ')}; not ${policy}`);
  const atOnce = Number(given['at-once']);
  if (!Number.isInteger(atOnce) || atOnce < 1 || atOnce > AT_ONCE_MAX) {
    throw new BadArguments(`--at-once: from 1 to ${AT_ONCE_MAX}, not ${given['at-once']}`);
  }
  const { short, write, verbose } = given;
  return { only, length: short ? 'short' : 'full', seed, policy, atOnce, write, verbose };
}

function isPolicies(text: string): text is Policies {
  return POLICIES.includes(text);
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
        'at-once': { type: 'string', default: '1' },
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
