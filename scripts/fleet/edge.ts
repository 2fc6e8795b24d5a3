/** envoy/edge.yaml for this machine: with nothing changed but addresses, pods, and what a test asks for. */

import { readFileSync } from 'node:fs';
import { type Document, isMap, isSeq, parseDocument, type YAMLMap } from 'yaml';

const EDGE = new URL('../../envoy/edge.yaml', import.meta.url);

const LISTENER = ['static_resources', 'listeners', 0];
const CLUSTERS = ['static_resources', 'clusters'];
/** Where things are in edge.yaml, for `mutate`. */
export const HTTP_MANAGER = [...LISTENER, 'filter_chains', 0, 'filters', 0, 'typed_config'];
export const EXT_AUTHZ = [...HTTP_MANAGER, 'upgrade_configs', 0, 'filters', 0, 'typed_config'];
const ROUTES = [...HTTP_MANAGER, 'route_config', 'virtual_hosts', 0, 'routes'];
const ENDPOINT = ['load_assignment', 'endpoints', 0, 'lb_endpoints', 0, 'endpoint'];

export interface Edge {
  /** 0, the default, for any free one. */
  readonly listenPort?: number;
  readonly adminPort?: number;
  /** `host:port`, or `unix:/path`. */
  readonly gate: string;
  /** The pods' names, and their ports on this machine. */
  readonly pods: Readonly<Record<string, number>>;
  readonly flushIntervalMs?: number;
  /** For what no option above says: `config.setIn([...EXT_AUTHZ, 'failure_mode_allow'], true)`. */
  readonly mutate?: (config: Document) => void;
}

/** The configuration as YAML. */
export function renderEdge(edge: Edge): string {
  const config: Document = parseDocument(readFileSync(EDGE, 'utf8'));
  config.setIn([...LISTENER, 'address', 'socket_address'], socketAddress('127.0.0.1', edge.listenPort ?? 0));
  config.setIn(['admin', 'address', 'socket_address', 'port_value'], edge.adminPort ?? 0);
  const pods = Object.entries(edge.pods);
  const route = mapAt(config, [...ROUTES, 0]);
  const podCluster = mapAt(config, [...CLUSTERS, 0]);
  const gateCluster = gateClusterOf(config);
  moveGate(gateCluster, edge.gate);
  const routes = pods.map(([pod]) => routeTo(route, pod));
  config.setIn(ROUTES, config.createNode(routes));
  const clusters = [...pods.map(([pod, port]) => clusterOf(podCluster, pod, port)), gateCluster];
  config.setIn(CLUSTERS, config.createNode(clusters));
  if (edge.flushIntervalMs !== undefined) {
    const interval = `${edge.flushIntervalMs / 1000}s`;
    config.setIn([...HTTP_MANAGER, 'access_log_options', 'access_log_flush_interval'], interval);
  }
  edge.mutate?.(config);
  // Not as the document: a cluster that was cloned has its anchor once more.
  return JSON.stringify(config.toJS(), undefined, 2);
}

function routeTo(model: YAMLMap, pod: string): YAMLMap {
  const route = clone(model);
  route.setIn(['match', 'path_separated_prefix'], `/${pod}`);
  route.setIn(['metadata', 'filter_metadata', 'wsgate', 'pod'], pod);
  route.setIn(['route', 'cluster'], pod);
  return route;
}

function clusterOf(model: YAMLMap, pod: string, port: number): YAMLMap {
  const cluster = clone(model);
  cluster.set('name', pod);
  cluster.setIn(['load_assignment', 'cluster_name'], pod);
  cluster.setIn([...ENDPOINT, 'address', 'socket_address'], socketAddress('127.0.0.1', port));
  return cluster;
}

function moveGate(cluster: YAMLMap, gate: string): void {
  if (gate.startsWith('unix:')) {
    cluster.set('type', 'STATIC'); // a path is nothing to look up
    cluster.setIn([...ENDPOINT, 'address'], { pipe: { path: gate.slice('unix:'.length) } });
    return;
  }
  const colon = gate.lastIndexOf(':');
  const address = socketAddress(gate.slice(0, colon), Number(gate.slice(colon + 1)));
  cluster.setIn([...ENDPOINT, 'address', 'socket_address'], address);
}

function socketAddress(address: string, port: number) {
  return { address, port_value: port };
}

function mapAt(config: Document, path: readonly (string | number)[]): YAMLMap {
  const node = config.getIn(path);
  if (!isMap(node)) throw new Error(`edge.yaml has no ${path.join('.')}`);
  return node;
}

function gateClusterOf(config: Document): YAMLMap {
  const clusters = config.getIn(CLUSTERS);
  const found = isSeq(clusters) && clusters.items.find((cluster) => isMap(cluster) && cluster.get('name') === 'wsgate');
  if (!isMap(found)) throw new Error('edge.yaml has no cluster wsgate');
  return found;
}

function clone(model: YAMLMap): YAMLMap {
  const copy = model.clone();
  if (!isMap(copy)) throw new Error('a map has a map for its clone');
  return copy;
}
