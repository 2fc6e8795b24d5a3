/**
 * What a control plane has rendered, as the configuration of one Envoy of this machine. Nothing is changed but where things
 * are: the addresses, what else would come by xDS (routes, endpoints), and the listener's name.
 */

import type { Edge } from '../../lab/fleet/edge.ts';
import type { Rendered } from './recipes.ts';

type Json = Record<string, unknown>;

export interface Places {
  /** The listener that clients connect to. */
  readonly listener: string;
  /** The pod that a cluster leads to. */
  podOf(cluster: string): string | undefined;
  /** The clusters of the gates. What leads elsewhere is left out. */
  readonly gates: RegExp;
  /** Filters and loggers that this Envoy does not have, by the beginning of their types. */
  readonly foreign?: RegExp;
  /** Where this Envoy's connections come from: each has an address of its own. */
  readonly address?: string;
  /** How long to wait for a gate instead: machines that run tests stall. */
  readonly patience?: string;
}

export function asStatic(rendered: Rendered, edge: Edge, places: Places): string {
  const listeners = rendered.listeners.filter(({ name }) => name === places.listener);
  const clusters = rendered.clusters
    .map((cluster) => ({ cluster, name: String(cluster.name) }))
    .filter(({ name }) => places.podOf(name) ?? places.gates.test(name));
  return JSON.stringify({
    admin: { address: socket('127.0.0.1', 0) },
    static_resources: {
      listeners: listeners.map((listener) => ({
        ...(filledIn(listener, rendered.routes, places) as Json),
        name: 'edge',
        address: socket('127.0.0.1', 0),
      })),
      clusters: clusters.map(({ cluster }) => clusterAt(filledIn(cluster, [], places) as Json, edge, places)),
    },
  });
}

function clusterAt(cluster: Json, { pods, gate }: Edge, { podOf, address }: Places): Json {
  const { edsClusterConfig: _, ...settings } = cluster;
  const name = String(cluster.name);
  const pod = podOf(name);
  const gates = typeof gate === 'string' ? [gate] : gate;
  const bind = address && !pod ? { upstreamBindConfig: { sourceAddress: { address, portValue: 0 } } } : {};
  const places = pod ? [`127.0.0.1:${pods[pod]}`] : gates;
  const ends = places.map((place) => {
    const [host = '', port] = place.split(':');
    return { endpoint: { address: socket(host, Number(port)) } };
  });
  return without('@type', {
    ...settings,
    ...bind,
    type: 'STATIC',
    loadAssignment: { clusterName: name, endpoints: [{ lbEndpoints: ends }] },
  });
}

/** With the route configuration in the place of its name, and without what is foreign. */
function filledIn(node: unknown, routes: readonly Json[], places: Places): unknown {
  if (Array.isArray(node)) {
    return node.filter((item) => !isForeign(item, places)).map((item) => filledIn(item, routes, places));
  }
  if (!isObject(node)) return node;
  const entries = Object.entries(node).map(([key, value]) => {
    if (key === 'rds' && isObject(value)) return ['routeConfig', routeConfig(String(value.routeConfigName), routes)];
    const filled = filledIn(value, routes, places);
    return [key, places.patience ? patient(key, filled, places.patience) : filled];
  });
  const filled = Object.fromEntries(entries) as Json;
  return 'filterChains' in filled || 'defaultFilterChain' in filled ? without('@type', filled) : filled;
}

function isForeign(item: unknown, { foreign }: Places): boolean {
  return (
    foreign !== undefined && isObject(item) && isObject(item.typedConfig) && foreign.test(typeOf(item.typedConfig))
  );
}

function typeOf(config: Json): string {
  return String(config.typeUrl ?? config['@type']);
}

function patient(key: string, value: unknown, patience: string): unknown {
  if (key === 'messageTimeout') return patience;
  return key === 'grpcService' && isObject(value) && value.timeout ? { ...value, timeout: patience } : value;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}

function routeConfig(name: string, routes: readonly Json[]): Json {
  const found = routes.find((route) => route.name === name);
  if (!found) throw new Error(`the control plane has rendered no routes ${name}`);
  return without('@type', found);
}

function without(key: string, { [key]: _, ...rest }: Json): Json {
  return rest;
}

function socket(address: string, port: number): Json {
  return { socket_address: { address, port_value: port } };
}
