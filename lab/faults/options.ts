/** The command line of `npm run faults`. */

import { BadArguments, namesIn, parse, wholeNumber } from '../command.ts';
import { DOOR_NAMES, DOORS, type Door } from './doors.ts';
import type { Policies } from './trials.ts';

export const USAGE = `Breaks a fleet in every way that it knows, and says what held.

  npm run faults                       all faults
  npm run faults -- --only NAME,NAME   some of them; --list tells their names
  npm run faults -- --except NAME,NAME all but these
  npm run faults -- --short            a few, in less than a minute

  --seed N         the order of things; 1 if not given
  --policy POLICY  outage.policy: share, deny or allow; both for share and deny, one after the other; alternate for each
                   fault once, under share and deny by turns. share if not given
  --door DOOR      log, hold, both, or several, such as log,hold; all for all three. log if not given.
${DOOR_NAMES.map((door) => `                   ${door}: envoy/${DOORS[door].file}, ${DOORS[door].what}`).join('\n')}
  --placed         the gates choose the pods (envoy/placement.yaml): instead of edge.yaml, so through the door log only
  --overridden     the configuration allows twice as many connections, and an override of each pod's limit as many as else
  --at-once N      how many faults happen at once, each to a fleet of its own; 1 if not given
  --write FILE     also write the tables into a document
  --verbose        tell every open and close
  --list
  --help

Exit code: 0; 1 when a bound is broken; 2 for a command line that makes no sense.
`;

const POLICIES: readonly Policies[] = ['share', 'deny', 'allow', 'both', 'alternate'];
const AT_ONCE_MAX = 8;

export interface FaultOptions {
  readonly list: boolean;
  readonly only: readonly string[] | undefined;
  readonly length: 'full' | 'short';
  readonly seed: number;
  readonly policy: Policies;
  readonly doors: readonly Door[];
  readonly overridden: boolean;
  readonly placed: boolean;
  readonly atOnce: number;
  readonly write: string | undefined;
  readonly verbose: boolean;
}

export function parseFaultOptions(args: string[], names: readonly string[]): FaultOptions {
  const { list, write, verbose, overridden, placed, ...given } = parse(args, {
    only: { type: 'string' },
    except: { type: 'string' },
    short: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    policy: { type: 'string', default: 'share' },
    door: { type: 'string', default: 'log' },
    overridden: { type: 'boolean', default: false },
    placed: { type: 'boolean', default: false },
    'at-once': { type: 'string', default: '1' },
    write: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  });
  const policy = POLICIES.find((known) => known === given.policy);
  if (policy === undefined) throw new BadArguments(`--policy: ${POLICIES.join(', ')}; not ${given.policy}`);
  const doors = namesIn('--door', given.door, [...DOOR_NAMES, 'all']) ?? [];
  if (placed && given.door !== 'log') throw new BadArguments(`--placed: with --door log; not ${given.door}`);
  const except = namesIn('--except', given.except, names);
  if (except && given.only !== undefined) throw new BadArguments('--only or --except, not both');
  return {
    list,
    only: except ? names.filter((name) => !except.includes(name)) : namesIn('--only', given.only, names),
    length: given.short ? 'short' : 'full',
    seed: wholeNumber('--seed', given.seed),
    policy,
    doors: DOOR_NAMES.filter((door) => doors.includes(door) || doors.includes('all')),
    overridden,
    placed,
    atOnce: wholeNumber('--at-once', given['at-once'], 1, AT_ONCE_MAX),
    write,
    verbose,
  };
}
