/**
 * The limits of the configuration file: a pod has the limit of its exact name, else that of the longest glob that matches
 * it, else the default.
 */

import picomatch from 'picomatch';
import { type PodId, parsePodId } from './ids.ts';
import type { LimitSource } from './limit-source.ts';

export interface LimitRules {
  readonly default: { readonly connections: number };
  /** By pod name, or by glob. */
  readonly pods: Readonly<Record<string, { readonly connections: number }>>;
}

export class Limits implements LimitSource {
  /** The file is read once. */
  readonly version = 1;
  readonly #default: number;
  readonly #exact = new Map<PodId, number>();
  readonly #globs: { matches: (pod: string) => boolean; connections: number }[] = [];

  constructor(rules: LimitRules) {
    this.#default = rules.default.connections;
    const byLength = Object.entries(rules.pods).sort(([a], [b]) => b.length - a.length);
    for (const [name, { connections }] of byLength) {
      const pod = parsePodId(name); // what is no pod id holds a glob's characters
      if (pod) this.#exact.set(pod, connections);
      else this.#globs.push({ matches: picomatch(name, { dot: true }), connections });
    }
  }

  of(pod: PodId): number {
    return this.#exact.get(pod) ?? this.#globs.find(({ matches }) => matches(pod))?.connections ?? this.#default;
  }

  named(): Iterable<PodId> {
    return this.#exact.keys();
  }
}
