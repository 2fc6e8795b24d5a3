/** The fleet's counts, read from the store at most once a second, however many ask. */

import type { Events } from '../admission/events.ts';
import type { PodId, ProxyId } from '../admission/ids.ts';
import type { Answer, Gates, LeaseStore, PodCount } from '../admission/lease-store.ts';
import type { LimitSource } from '../admission/limit-source.ts';

const FRESH_MS = 1000;

export interface FleetSnapshot {
  /** The store's clock, milliseconds since the epoch. */
  readonly timeMs: number;
  readonly pods: readonly (PodCount & { readonly limit: number })[];
  /** Those of the fleet, with leases or without. Empty where only some pods were read. */
  readonly proxies: readonly ProxyId[];
}

/** What was read, or is being read. */
interface Kept<T> {
  readonly answer: Promise<Answer<T>>;
  readonly atMs: number;
}

export class FleetView {
  readonly #events: Events;
  readonly #store: LeaseStore;
  readonly #limits: LimitSource;
  #latest: Kept<FleetSnapshot> | undefined;
  #gates: Kept<Gates> | undefined;

  constructor(store: LeaseStore, limits: LimitSource, events: Events) {
    this.#events = events;
    this.#store = store;
    this.#limits = limits;
  }

  /** Pods that were in use within the last hour, and those that the configuration names; ordered by name. */
  snapshot(): Promise<Answer<FleetSnapshot>> {
    this.#latest = keptOr(this.#latest, () => this.fresh());
    return this.#latest.answer;
  }

  gates(): Promise<Answer<Gates>> {
    this.#gates = keptOr(this.#gates, () => this.#store.gates());
    return this.#gates.answer;
  }

  /** The same, read now. */
  async fresh(): Promise<Answer<FleetSnapshot>> {
    const [pods, proxies] = await Promise.all([this.#store.pods('people'), this.#store.proxies()]);
    if (!pods.ok) return pods;
    if (!proxies.ok) return proxies;
    const all = [...new Set([...pods.value, ...this.#limits.named()])].sort();
    return this.#withLimits(await this.#store.fleet(all), proxies.value);
  }

  /** Those pods, read at once. */
  async these(pods: readonly PodId[]): Promise<Answer<FleetSnapshot>> {
    return this.#withLimits(await this.#store.fleet(pods));
  }

  #withLimits(
    answer: Awaited<ReturnType<LeaseStore['fleet']>>,
    members: readonly ProxyId[] = [],
  ): Answer<FleetSnapshot> {
    if (!answer.ok) return answer;
    const { timeMs, pods } = answer.value;
    for (const { connections, proxies } of pods) {
      const sum = proxies.values().reduce((a, b) => a + b, 0);
      this.#events.mustHold('counts-differ', sum === connections);
    }
    return {
      ok: true,
      value: { timeMs, pods: pods.map((count) => ({ ...count, limit: this.#limits.of(count.pod) })), proxies: members },
    };
  }
}

function keptOr<T>(kept: Kept<T> | undefined, read: () => Promise<Answer<T>>): Kept<T> {
  const nowMs = performance.now();
  return kept && nowMs - kept.atMs < FRESH_MS ? kept : { answer: read(), atMs: nowMs };
}
