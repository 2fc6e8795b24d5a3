/**
 * The services: sets of pods among which the gate chooses. Which pods each has, and how many connections each of them
 * may have, as this gate was last told.
 */

import { type PodId, podOf, type ServiceId, serviceOf } from './ids.ts';

export interface Endpoint {
  /** `ip:port`. */
  readonly address: string;
  /** Its own limit, if it has one. */
  readonly connections?: number;
  readonly zone?: string;
}

export interface ServiceRules {
  readonly endpoints: readonly Endpoint[];
  /** The limit of each of its pods that has none of its own. */
  readonly connections: number;
}

const NO_PODS: ServiceRules = { endpoints: [], connections: 0 };

interface Service {
  readonly connections: number;
  readonly pods: ReadonlyMap<PodId, number>;
}

export class Services {
  #version = 0;
  readonly #services = new Map<ServiceId, Service>();

  get version(): number {
    return this.#version;
  }

  /** Also those that were there before and have no pods any more. */
  names(): Iterable<ServiceId> {
    return this.#services.keys();
  }

  /** Whether it has pods. */
  has(service: ServiceId): boolean {
    return this.pods(service).size > 0;
  }

  /** Those that take new connections, with their limits. */
  pods(service: ServiceId): ReadonlyMap<PodId, number> {
    return this.#services.get(service)?.pods ?? new Map();
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
    this.#version += 1;
  }

  #set(service: ServiceId, { endpoints, connections }: ServiceRules): void {
    const pods = endpoints.map((each) => [podOf(service, each.address), each.connections ?? connections] as const);
    this.#services.set(service, { connections, pods: new Map(pods) });
  }
}
