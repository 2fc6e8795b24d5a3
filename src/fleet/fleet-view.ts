/** The fleet's counts, read from the store at most once a second, however many ask. */

import type { Events } from '../admission/events.ts';
import { type PodId, type ProxyId, type ServiceId, serviceOf } from '../admission/ids.ts';
import type { Answer, Gates, LeaseStore, PodCount } from '../admission/lease-store.ts';
import type { LimitSource } from '../admission/limit-source.ts';
import type { Services } from '../admission/services.ts';

const FRESH_MS = 1000;

export interface FleetSnapshot {
  /** The store's clock, milliseconds since the epoch. */
  readonly timeMs: number;
  readonly pods: readonly (PodCount & { readonly limit: number; readonly isCordoned?: true })[];
  /** Of all pods that were read, by service. */
  readonly services: readonly ServiceCount[];
  /** Those of the fleet, with leases or without. Empty where only some pods were read. */
  readonly proxies: readonly ProxyId[];
}

export interface ServiceCount {
  readonly service: ServiceId;
  readonly connections: number;
  /** Of the pods that take new ones: what they may have, and how many more they take. */
  readonly limit: number;
  readonly free: number;
}

/** What was read, or is being read. */
interface Kept<T> {
  readonly answer: Promise<Answer<T>>;
  readonly atMs: number;
}

interface FleetParts {
  readonly store: LeaseStore;
  readonly limits: LimitSource;
  readonly services: Services;
  readonly events: Events;
}

export class FleetView {
  readonly #events: Events;
  readonly #store: LeaseStore;
  readonly #limits: LimitSource;
  readonly #services: Services;
  #latest: Kept<FleetSnapshot> | undefined;
  #gates: Kept<Gates> | undefined;

  constructor({ store, limits, services, events }: FleetParts) {
    this.#events = events;
    this.#store = store;
    this.#limits = limits;
    this.#services = services;
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

  /** Whether it has connections or had one within the last hour, or the configuration or an override names it. */
  async knows(pod: PodId): Promise<Answer<boolean>> {
    if (new Set(this.#limits.named()).has(pod)) return { ok: true, value: true };
    const [pods, counts] = await Promise.all([this.#store.pods('people'), this.#store.fleet([pod])]);
    if (!pods.ok) return pods;
    if (!counts.ok) return counts;
    const isUsed = counts.value.pods.some(({ connections }) => connections > 0);
    return { ok: true, value: isUsed || pods.value.includes(pod) };
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
      this.#events.mustHold('counts-differ', sum([...proxies.values()]) === connections);
    }
    const limited = pods.map((count) => ({
      ...count,
      limit: this.#limits.of(count.pod),
      ...(this.#limits.isCordoned(count.pod) ? { isCordoned: true as const } : {}),
    }));
    return { ok: true, value: { timeMs, pods: limited, services: this.#count(pods), proxies: members } };
  }

  #count(counts: readonly PodCount[]): ServiceCount[] {
    const ofService = Map.groupBy(counts, ({ pod }) => serviceOf(pod));
    const services = new Set([...this.#services.configured, ...ofService.keys()]);
    return [...services].flatMap((service): ServiceCount[] => {
      if (!service) return [];
      const pods = ofService.get(service) ?? [];
      const taking = this.#services.pods(service);
      const limitOf = (pod: PodId) => (taking.has(pod) ? this.#limits.of(pod) : 0);
      const figures = pods.map(({ pod, connections }) => ({ connections, limit: limitOf(pod) }));
      return [
        {
          service,
          connections: sum(figures.map(({ connections }) => connections)),
          limit: sum(figures.map(({ limit }) => limit)),
          free: sum(figures.map(({ connections, limit }) => Math.max(0, limit - connections))),
        },
      ];
    });
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

function keptOr<T>(kept: Kept<T> | undefined, read: () => Promise<Answer<T>>): Kept<T> {
  const nowMs = performance.now();
  return kept && nowMs - kept.atMs < FRESH_MS ? kept : { answer: read(), atMs: nowMs };
}
