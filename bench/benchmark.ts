/** What a benchmark is, and what it is given. */

import type { Figure } from './figure.ts';
import type { Stand } from './stand.ts';

export interface Benchmark {
  readonly name: string;
  readonly what: string;
  /** Whether `--short` has it: it gives ratios that are the same on any machine. */
  readonly inShort: boolean;
  /** What it starts on the stand is stopped after it. */
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
