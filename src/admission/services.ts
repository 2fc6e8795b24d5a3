/**
 * The services: sets of pods among which the gate chooses. Which pods each has, how many connections each of them may
 * have, and how one is chosen, as this gate was last told.
 */

import { type PodId, podOf, type ServiceId, serviceOf } from './ids.ts';
import type { Choice, Order, Pick } from './lease-store.ts';
import { rankedFor } from './rendezvous.ts';

export interface Endpoint {
  /** `ip:port`. */
  readonly address: string;
  /** Its own limit, if it has one. */
  readonly connections?: number;
  readonly zone?: string;
  /** As whoever runs it names it, and this life of it: one with the same name or address may be another. */
  readonly name?: string;
  readonly uid?: string;
}

/** What of an upgrade holds the key by which it sticks to a pod. */
export type StickySource =
  | { readonly header: string }
  | { readonly cookie: string }
  | { readonly query: string }
  | { readonly metadata: { readonly namespace: string; readonly key: string } };

export interface ServiceRules {
  /** Undefined while nobody has told which there are. */
  readonly endpoints: readonly Endpoint[] | undefined;
  /** The limit of each of its pods that has none of its own. */
  readonly connections: number;
  /** `least` if absent. */
  readonly pick?: Pick | undefined;
  readonly softLimit?: number | undefined;
  readonly sticky?: StickySource | undefined;
  /** So many further pods Envoy may try; none if absent. */
  readonly fallbacks?: number | undefined;
  /** For how long an upgrade waits for a slot, ms; not at all if absent. */
  readonly waitMs?: number | undefined;
}

const NO_PODS: ServiceRules = { endpoints: [], connections: 0 };
/** All pods that are in no zone stand for one, which no zone is named like. */
const NO_ZONE = '?';
/** So many pods are asked for before the pick decides. */
const STICKY_CANDIDATES = 5;

interface Service {
  readonly isTold: boolean;
  readonly connections: number;
  readonly pods: ReadonlyMap<PodId, number>;
  readonly endpoints: ReadonlyMap<PodId, Endpoint>;
  readonly order: Order;
  readonly choice: Choice;
  readonly sticky: StickySource | undefined;
  readonly waitMs: number;
}

export class Services {
  #version = 0;
  readonly #services = new Map<ServiceId, Service>();
  /** Those of the configuration. */
  #configured: ReadonlySet<ServiceId> = new Set();

  get version(): number {
    return this.#version;
  }

  /** Also those that were there before and have no pods any more. */
  names(): Iterable<ServiceId> {
    return this.#services.keys();
  }

  /** Whether it is one of the configuration. It may have no pods. */
  has(service: ServiceId): boolean {
    return this.#configured.has(service);
  }

  /** Whether it is known which pods it has. The store may know where this gate does not. */
  isTold(service: ServiceId): boolean {
    return this.#services.get(service)?.isTold ?? false;
  }

  /** Those that take new connections, with their limits. */
  pods(service: ServiceId): ReadonlyMap<PodId, number> {
    return this.#services.get(service)?.pods ?? new Map();
  }

  /** What is said of a pod; undefined of one that takes no new connections. */
  endpoint(pod: PodId): Endpoint | undefined {
    const service = serviceOf(pod);
    return service && this.#services.get(service)?.endpoints.get(pod);
  }

  /** Those of the configuration. */
  get configured(): ReadonlySet<ServiceId> {
    return this.#configured;
  }

  /** What the pick goes by. */
  order(service: ServiceId): Order {
    return this.#services.get(service)?.order ?? {};
  }

  /** `key`: what the upgrade sticks to its pod by, if anything. */
  choice(service: ServiceId, key: string | undefined): Choice | undefined {
    const known = this.#services.get(service);
    if (!known || key === undefined) return known?.choice;
    return { ...known.choice, first: rankedFor(key, known.pods, STICKY_CANDIDATES) };
  }

  sticky(service: ServiceId): StickySource | undefined {
    return this.#services.get(service)?.sticky;
  }

  /** For how long an upgrade waits where all pods are full. */
  waitMs(service: ServiceId): number {
    return this.#services.get(service)?.waitMs ?? 0;
  }

  /** Those of all services. */
  stickySources(): StickySource[] {
    return [...this.#services.values()].flatMap(({ sticky }) => sticky ?? []);
  }

  /** Undefined for a pod of no service; of one that has left its service the limit of those that have none of their own. */
  of(pod: PodId): number | undefined {
    const id = serviceOf(pod);
    const service = id && this.#services.get(id);
    return service?.pods.get(pod) ?? service?.connections;
  }

  *named(): Iterable<PodId> {
    for (const { pods } of this.#services.values()) yield* pods.keys();
  }

  /** These are the services from now on. One that is not among them takes no connections any more. */
  replace(services: ReadonlyMap<ServiceId, ServiceRules>): void {
    for (const service of this.#services.keys()) if (!services.has(service)) this.#set(service, NO_PODS);
    for (const [service, rules] of services) this.#set(service, rules);
    this.#configured = new Set(services.keys());
    this.#version += 1;
  }

  /** The same for one of the services. */
  set(service: ServiceId, rules: ServiceRules): void {
    this.#set(service, rules);
    this.#version += 1;
  }

  #set(service: ServiceId, rules: ServiceRules): void {
    const { connections, pick = 'least', softLimit, sticky, fallbacks = 0, waitMs = 0 } = rules;
    const endpoints = (rules.endpoints ?? []).map((each) => [podOf(service, each.address), each] as const);
    const pods = endpoints.map(([pod, each]) => [pod, each.connections ?? connections] as const);
    const zones = endpoints.map(([pod, { zone = NO_ZONE }]) => [pod, zone] as const);
    const order: Order = {
      ...(softLimit === undefined ? {} : { softLimit }),
      ...(pick === 'spread' ? { zones: new Map(zones) } : {}),
    };
    const isTold = rules.endpoints !== undefined;
    const choice: Choice = { pick, others: fallbacks };
    const maps = { pods: new Map(pods), endpoints: new Map(endpoints) };
    this.#services.set(service, { isTold, connections, ...maps, order, choice, sticky, waitMs });
  }
}
