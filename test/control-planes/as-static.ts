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
  /** The pod that a cluster leads to; undefined for a cluster of the gates. */
  podOf(cluster: string): string | undefined;
  /** Clusters that lead elsewhere. */
  readonly unused?: RegExp;
  /** Where this Envoy's connections come from: each has an address of its own. */
  readonly address?: string;
  /** How long to wait for a gate instead: machines that run tests stall. */
  readonly patience?: string;
}

export function asStatic(rendered: Rendered, edge: Edge, places: Places): string {
  const listeners = rendered.listeners.filter(({ name }) => name === places.listener);
  const clusters = rendered.clusters.filter(({ name }) => !places.unused?.test(String(name)));
  return JSON.stringify({
    admin: { address: socket('127.0.0.1', 0) },
    static_resources: {
      listeners: listeners.map((listener) => ({
        ...(filledIn(listener, rendered.routes, places.patience) as Json),
        name: 'edge',
        address: socket('127.0.0.1', 0),
      })),
      clusters: clusters.map((cluster) => clusterAt(cluster, edge, places)),
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

/** With the route configuration in the place of its name. */
function filledIn(node: unknown, routes: readonly Json[], patience: string | undefined): unknown {
  if (Array.isArray(node)) return node.map((item) => filledIn(item, routes, patience));
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).map(([key, value]) => {
    if (key === 'rds')
      return ['routeConfig', routeConfig((value as { routeConfigName: string }).routeConfigName, routes)];
    if (patience && key === 'messageTimeout') return [key, patience];
    return [key, filledIn(value, routes, patience)];
  });
  const filled = Object.fromEntries(entries) as Json;
  return 'filterChains' in filled || 'defaultFilterChain' in filled ? without('@type', filled) : filled;
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
