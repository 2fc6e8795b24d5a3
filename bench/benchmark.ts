/** What a benchmark is, what it is given, and the rounds in which it compares. */

import type { Figure } from './figure.ts';
import type { Stand } from './stand.ts';

export interface Benchmark {
  readonly name: string;
  readonly what: string;
  /** Whether `--short` runs it: its ratios are much the same on any machine. */
  readonly inShort: boolean;
  /** Whatever it starts on the stand is stopped afterwards. */
  run(trial: Trial): Promise<Figure[]>;
}

export interface Trial {
  readonly stand: Stand;
  /** Short: smaller loads and fewer rounds, for ratios only. */
  readonly length: 'full' | 'short';
  readonly say: (text: string) => void;
}

/** As many as there is time for. */
export const ROUNDS = { full: 4, short: 3 };

/**
 * Runs each variant once in each round, after a first round that does not count, in which code gets compiled. Each round
 * begins with another variant, so that a machine that gets busier, or is disturbed now and then, is unfair to none.
 */
export async function inRounds<Name extends string, Variant, Result>(
  rounds: number,
  variants: Readonly<Record<Name, Variant>>,
  run: (variant: Variant, name: Name) => Promise<Result>,
): Promise<Record<Name, Result[]>> {
  const names = Object.keys(variants) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as Result[]])) as Record<Name, Result[]>;
  for (let round = -1; round < rounds; round += 1) {
    const first = Math.max(round, 0) % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      const result = await run(variants[name], name);
      if (round >= 0) results[name].push(result);
    }
  }
  return results;
}
