/**
 * The limits of the configuration file: a pod has the limit of its exact name, else that of the longest glob that matches
 * it, else the default. One of a service has the limit that its service gives it. An override wins over all of them.
 */

import picomatch from 'picomatch';
import { type PodId, parsePodId } from './ids.ts';
import type { LimitSource } from './limit-source.ts';
import type { Overrides } from './overrides.ts';
import type { Services } from './services.ts';

export interface LimitRules {
  readonly default: { readonly connections: number };
  /** By pod name, or by glob. */
  readonly pods: Readonly<Record<string, { readonly connections: number }>>;
}

export class Limits implements LimitSource {
  #version = 0;
  #default = 0;
  readonly #exact = new Map<PodId, number>();
  #globs: { matches: (pod: string) => boolean; connections: number }[] = [];

  readonly #services: Services;
  readonly #overrides: Overrides | undefined;

  /** `services`: of their pods. */
  constructor(rules: LimitRules, services: Services, overrides?: Overrides) {
    this.#services = services;
    this.#overrides = overrides;
    this.replace(rules);
  }

  /** By these rules from now on. */
  replace(rules: LimitRules): void {
    this.#version += 1;
    this.#default = rules.default.connections;
    this.#exact.clear();
    this.#globs = [];
    const byLength = Object.entries(rules.pods).sort(([a], [b]) => b.length - a.length);
    for (const [name, { connections }] of byLength) {
      const pod = parsePodId(name); // what is no pod id holds a glob's characters
      if (pod) this.#exact.set(pod, connections);
      else this.#globs.push({ matches: picomatch(name, { dot: true }), connections });
    }
  }

  get version(): number {
    return this.#version + this.#services.version + (this.#overrides?.version ?? 0);
  }

  of(pod: PodId): number {
    return this.#overrides?.limitOf(pod) ?? this.configured(pod);
  }

  configured(pod: PodId): number {
    return (
      this.#services.of(pod) ??
      this.#exact.get(pod) ??
      this.#globs.find(({ matches }) => matches(pod))?.connections ??
      this.#default
    );
  }

  isCordoned(pod: PodId): boolean {
    return this.#overrides?.of(pod).some(({ kind }) => kind === 'cordon') ?? false;
  }

  *named(): Iterable<PodId> {
    yield* this.#exact.keys();
    yield* this.#services.named();
    yield* this.#overrides?.pods() ?? [];
  }
}
