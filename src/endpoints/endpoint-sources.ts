/**
 * The services of the configuration, and the sources that their endpoints come from. What a source tells is in use at once;
 * what it cannot tell changes nothing. A service of which nothing was told yet takes what other gates have told the store.
 */

import { isDeepStrictEqual } from 'node:util';
import type { Events } from '../admission/events.ts';
import { parseServiceId, type ServiceId } from '../admission/ids.ts';
import type { Endpoint, ServiceRules, Services } from '../admission/services.ts';
import type { Config } from '../config/schema.ts';
import { type EndpointsConfig, endpointOf } from '../config/services.ts';
import { DnsSource } from './dns-source.ts';
import type { EndpointListener, EndpointSource } from './endpoint-source.ts';
import { FileSource } from './file-source.ts';
import { KubernetesSource } from './kubernetes-source.ts';

interface SourcesParts {
  readonly services: Services;
  readonly events: Events;
  /** Called when the endpoints of a service have changed. */
  readonly changed: (service: ServiceId) => void;
}

interface Sourced {
  rules: Omit<ServiceRules, 'endpoints'>;
  readonly config: EndpointsConfig;
  source: EndpointSource | undefined;
  /** Undefined while nobody has told. */
  endpoints: readonly Endpoint[] | undefined;
  unread: string | undefined;
}

export class EndpointSources {
  readonly #parts: SourcesParts;
  readonly #podsMax: number;
  readonly #sourced = new Map<ServiceId, Sourced>();
  readonly #spoken = Promise.withResolvers<void>();

  constructor(parts: SourcesParts, { podsMax }: { podsMax: number }) {
    this.#parts = parts;
    this.#podsMax = podsMax;
  }

  /** Resolves when each source of the first configuration has told something, or why it cannot. */
  get spoken(): Promise<void> {
    return this.#spoken.promise;
  }

  /** By this configuration from now on. A service whose source is another one keeps its endpoints until that one tells. */
  replace(config: Config): void {
    const before = new Map(this.#sourced);
    this.#sourced.clear();
    for (const [service, rules, from] of servicesIn(config)) {
      const known = before.get(service);
      if (known && isDeepStrictEqual(known.config, from)) {
        before.delete(service);
        known.rules = rules;
        this.#sourced.set(service, known);
      } else {
        const endpoints = from.static?.map(endpointOf) ?? known?.endpoints;
        this.#sourced.set(service, { rules, config: from, source: undefined, endpoints, unread: undefined });
      }
    }
    for (const [service, sourced] of before) {
      sourced.source?.stop();
      this.#unread(service, sourced, undefined);
    }
    this.#parts.services.replace(new Map([...this.#sourced].map(([service, each]) => [service, rulesOf(each)])));
    for (const [service, sourced] of this.#sourced) this.#open(service, sourced);
    this.#noteSpoken();
  }

  stop(): void {
    for (const { source } of this.#sourced.values()) source?.stop();
  }

  #open(service: ServiceId, sourced: Sourced): void {
    if (sourced.source || sourced.config.static) return;
    const isCurrent = () => this.#sourced.get(service) === sourced;
    sourced.source = sourceOf(sourced.config, {
      endpoints: (endpoints) => isCurrent() && this.#told(service, sourced, endpoints),
      unread: (why) => isCurrent() && this.#unread(service, sourced, why),
    });
    sourced.source?.start();
  }

  #told(service: ServiceId, sourced: Sourced, endpoints: readonly Endpoint[]): void {
    const all = [...this.#sourced.values()].reduce((sum, each) => sum + (each.endpoints?.length ?? 0), 0);
    const others = all - (sourced.endpoints?.length ?? 0);
    if (others + endpoints.length > this.#podsMax) {
      const found = `${endpoints.length} endpoints, and ${others} of other services`;
      this.#unread(service, sourced, `${found}. Expected: together at most limits.podsMax, ${this.#podsMax}`);
      return;
    }
    this.#unread(service, sourced, undefined);
    if (isDeepStrictEqual(sourced.endpoints, endpoints)) return;
    const [joined, left] = [without(endpoints, sourced.endpoints), without(sourced.endpoints, endpoints)];
    sourced.endpoints = endpoints;
    this.#parts.services.set(service, rulesOf(sourced));
    this.#parts.changed(service);
    this.#parts.events.emit('endpointsTold', service, joined, left);
    this.#noteSpoken();
  }

  #unread(service: ServiceId, sourced: Sourced, why: string | undefined): void {
    if (sourced.unread === why) return;
    sourced.unread = why;
    this.#parts.events.emit('endpointsUnread', service, why);
    this.#noteSpoken();
  }

  #noteSpoken(): void {
    const hasSpoken = ({ endpoints, unread }: Sourced) => endpoints !== undefined || unread !== undefined;
    if ([...this.#sourced.values()].every(hasSpoken)) this.#spoken.resolve();
  }
}

function* servicesIn({ services, limits }: Config): Iterable<[ServiceId, Sourced['rules'], EndpointsConfig]> {
  for (const [name, { endpoints, connections = limits.default.connections, wait: waitMs, ...how }] of Object.entries(
    services,
  )) {
    const service = parseServiceId(name); // the schema has let no other name in
    if (service) yield [service, { ...how, connections, waitMs }, endpoints];
  }
}

function rulesOf({ rules, endpoints }: Sourced): ServiceRules {
  return { ...rules, endpoints };
}

/** The addresses of those that are not among the others. With another uid it is another pod. */
function without(endpoints: readonly Endpoint[] = [], others: readonly Endpoint[] = []): string[] {
  const nameOf = ({ address, uid = '' }: Endpoint) => `${address} ${uid}`;
  const there = new Set(others.map(nameOf));
  return endpoints.filter((each) => !there.has(nameOf(each))).map(({ address }) => address);
}

function sourceOf({ file, dns, kubernetes }: EndpointsConfig, listener: EndpointListener): EndpointSource | undefined {
  if (file !== undefined) return new FileSource(file, listener);
  if (dns) return new DnsSource(dns, listener);
  return kubernetes && new KubernetesSource(kubernetes, listener);
}
