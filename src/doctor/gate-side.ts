/** What of an Envoy leads to a gate: its doors and its access logs. */

import type { EnvoyView, Filter, Manager, Route } from './envoy-view.ts';
import { at, isA, type Json, list, number, text } from './json.ts';

export interface Door {
  readonly kind: 'ext_authz' | 'ext_proc';
  readonly filter: Filter;
  readonly config: Json;
  readonly service: Json;
}

export interface AccessLog {
  readonly filter: Json;
  /** Of type CommonGrpcAccessLogConfig. */
  readonly config: Json;
  readonly service: Json;
}

export interface GateSide {
  readonly view: EnvoyView;
  readonly manager: Manager;
  /** In the order of the filters. */
  readonly doors: readonly Door[];
  readonly logs: readonly AccessLog[];
}

/** The manager's side of gates; `clusters`: those of gates. */
export function gateSide(view: EnvoyView, manager: Manager, clusters: ReadonlySet<string>): GateSide {
  const ofGate = (service: Json) => clusters.has(targetOf(service) ?? '');
  const doors = manager.filters.flatMap((filter): Door[] => {
    const kind = kindOf(filter.config);
    const service = at(filter.config, 'grpc_service');
    return kind && ofGate(service) ? [{ kind, filter, config: filter.config, service }] : [];
  });
  const logs = list(manager.config, 'access_log').flatMap((log): AccessLog[] => {
    const typed = at(log, 'typed_config');
    const config = at(typed, 'common_config');
    const service = at(config, 'grpc_service');
    if (!isA(typed, 'HttpGrpcAccessLogConfig') || !ofGate(service)) return [];
    return [{ filter: at(log, 'filter'), config, service }];
  });
  return { view, manager, doors, logs };
}

function kindOf(config: Json): Door['kind'] | undefined {
  if (isA(config, 'ExtAuthz')) return 'ext_authz';
  return isA(config, 'ExternalProcessor') ? 'ext_proc' : undefined;
}

/** The cluster of a grpc_service; of Google's client, its address. */
export function targetOf(service: Json): string | undefined {
  return text(service, 'envoy_grpc', 'cluster_name') ?? text(service, 'google_grpc', 'target_uri');
}

/** The gate's default port. */
const GATE_PORT = 7070;

/** Clusters that look like those of gates: by their name, by the authority that is sent there, or by the port. */
export function clustersOfGates(view: EnvoyView): Set<string> {
  const services = view.managers.flatMap(({ config, filters }) => [
    ...filters.map((filter) => at(filter.config, 'grpc_service')),
    ...list(config, 'access_log').map((log) => at(log, 'typed_config', 'common_config', 'grpc_service')),
  ]);
  const found = services.filter((service) => {
    const names = [targetOf(service), text(service, 'envoy_grpc', 'authority')];
    return (
      names.some((name) => name?.toLowerCase().includes('wsgate')) || leadsToPort(view.clusters.get(names[0] ?? ''))
    );
  });
  return new Set(found.flatMap((service) => targetOf(service) ?? []));
}

function leadsToPort(cluster: Json): boolean {
  return list(cluster, 'load_assignment', 'endpoints').some((locality) =>
    list(locality, 'lb_endpoints').some(
      (endpoint) => number(endpoint, 'endpoint', 'address', 'socket_address', 'port_value') === GATE_PORT,
    ),
  );
}

/** The value of a key of `initial_metadata`. */
export function metadataOf(service: Json, key: string): string | undefined {
  return text(
    list(service, 'initial_metadata').find((entry) => text(entry, 'key')?.toLowerCase() === key),
    'value',
  );
}

/** Whether a route turns the filter off, or leaves it off. */
export function isOff({ filter }: Door, route: Route): boolean {
  const own = route.filterConfigs.get(filter.name);
  return own === undefined ? filter.disabled : at(own, 'disabled') === true;
}

/** The pod's name in a route's metadata, where wsgate reads it by default. */
export function podOf(route: Route): string | undefined {
  return text(route.config, 'metadata', 'filter_metadata', 'wsgate', 'pod');
}

/** Those to which a route's upgrades go. */
export function clustersOf(route: Route): string[] {
  const action = at(route.config, 'route');
  const weighted = list(action, 'weighted_clusters', 'clusters').map((cluster) => text(cluster, 'name'));
  return [text(action, 'cluster'), ...weighted].filter((name) => name !== undefined);
}
