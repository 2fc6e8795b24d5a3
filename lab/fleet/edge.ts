/** envoy/edge.yaml, or another file there like it, for this machine: with nothing changed but addresses, pods, and what a test asks for. */

import { readFileSync } from 'node:fs';
import { Document, isMap, isSeq, parse, type YAMLMap } from 'yaml';

const FOLDER = new URL('../../envoy/', import.meta.url);

/** The files that have the same listener and clusters of gates. All but the last have a route for each pod; that has one service. */
export type EdgeFile = 'edge.yaml' | 'hold.yaml' | 'edge-hold.yaml' | 'placement.yaml';

const LISTENERS = ['static_resources', 'listeners'];
const LISTENER = [...LISTENERS, 0];
export const CLUSTERS = ['static_resources', 'clusters'];
/** Where things are in edge.yaml, for `mutate`. */
export const HTTP_MANAGER = [...LISTENER, 'filter_chains', 0, 'filters', 0, 'typed_config'];
export const FILTERS = [...HTTP_MANAGER, 'upgrade_configs', 0, 'filters'];
export const EXT_AUTHZ = [...FILTERS, 0, 'typed_config'];
export const ROUTES = [...HTTP_MANAGER, 'route_config', 'virtual_hosts', 0, 'routes'];
const LOG_TAGS = [...HTTP_MANAGER, 'access_log', 0, 'typed_config', 'common_config', 'custom_tags'];
const ENDPOINTS = ['load_assignment', 'endpoints', 0, 'lb_endpoints'];

/** Ways to the same gates: for Checks or the hold door, for the access log, and for the hold door beside Checks. */
const GATE_CLUSTERS = ['wsgate', 'wsgate_log', 'wsgate_hold'] as const;
type GateCluster = (typeof GATE_CLUSTERS)[number];

/** Ways to the pods of the service, in placement.yaml. */
const SERVICE_CLUSTERS = ['chat', 'chat_http'] as const;

export interface Edge {
  /** 0, the default, for any free one. */
  readonly listenPort?: number;
  readonly adminPort?: number;
  /** `host:port`, or `unix:/path`; one, or several. */
  readonly gate: string | readonly string[];
  /** The pods' names, and their ports on this machine. */
  readonly pods: Readonly<Record<string, number>>;
  /** Where those of placement.yaml listen; 127.0.0.1 if not given. */
  readonly podHost?: string;
  /** The ports of the pods of a service `chat`, beside the routes of edge.yaml: as placement.yaml has it. */
  readonly servicePods?: readonly number[];
  readonly flushIntervalMs?: number;
  /** `edge.yaml` if not given. */
  readonly file?: EdgeFile;
  /** For what no option above says: `config.setIn([...EXT_AUTHZ, 'failure_mode_allow'], true)`. */
  readonly mutate?: (config: Document) => void;
}

/** The configuration as YAML. */
export function renderEdge(edge: Edge): string {
  const config = documentOf(edge.file ?? 'edge.yaml');
  config.setIn([...LISTENER, 'address', 'socket_address'], socketAddress('127.0.0.1', edge.listenPort ?? 0));
  config.setIn(['admin', 'address', 'socket_address', 'port_value'], edge.adminPort ?? 0);
  const pods = Object.entries(edge.pods);
  const gates = typeof edge.gate === 'string' ? [edge.gate] : edge.gate;
  const ways = gateClusters(config);
  for (const cluster of ways) leadTo(cluster, gates);
  if (edge.file === 'placement.yaml') leadToService(config, Object.values(edge.pods), edge.podHost);
  else routeToEach(config, pods, ways);
  if (edge.servicePods) addService(config, edge.servicePods);
  if (edge.flushIntervalMs !== undefined && config.hasIn([...HTTP_MANAGER, 'access_log_options'])) {
    const interval = `${edge.flushIntervalMs / 1000}s`;
    config.setIn([...HTTP_MANAGER, 'access_log_options', 'access_log_flush_interval'], interval);
  }
  edge.mutate?.(config);
  return JSON.stringify(config.toJS(), undefined, 2);
}

function routeToEach(config: Document, pods: readonly [string, number][], ways: readonly YAMLMap[]): void {
  const route = mapAt(config, [...ROUTES, 0]);
  const podCluster = mapAt(config, [...CLUSTERS, 0]);
  const routes = pods.map(([pod]) => routeTo(route, pod));
  config.setIn(ROUTES, config.createNode(routes));
  const clusters = [...pods.map(([pod, port]) => clusterOf(podCluster, pod, port)), ...ways];
  config.setIn(CLUSTERS, config.createNode(clusters));
}

function leadToService(config: Document, ports: readonly number[], host = '127.0.0.1'): void {
  const addresses = ports.map((port) => `${host}:${port}`);
  for (const name of SERVICE_CLUSTERS) leadTo(clusterNamed(config, name), addresses);
}

/** The routes, clusters and log of placement.yaml, in the middle of edge.yaml. */
function addService(config: Document, ports: readonly number[]): void {
  const placement = documentOf('placement.yaml');
  leadToService(placement, ports);
  const prepend = (path: readonly (string | number)[], items: readonly unknown[]) =>
    config.setIn(path, config.createNode([...items, ...listAt(config, path)]));
  prepend(ROUTES, listAt(placement, ROUTES));
  prepend(
    CLUSTERS,
    SERVICE_CLUSTERS.map((name) => clusterNamed(placement, name)),
  );
  prepend(LOG_TAGS, listAt(placement, LOG_TAGS));
  const removed = [...HTTP_MANAGER, 'route_config', 'request_headers_to_remove'];
  config.setIn(removed, placement.getIn(removed));
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
  leadTo(cluster, [`127.0.0.1:${port}`]);
  return cluster;
}

/** Where a cluster leads: `host:port`, or `unix:/path`. */
export function leadTo(cluster: YAMLMap, addresses: readonly string[]): void {
  if (addresses.some(isPath)) cluster.set('type', 'STATIC'); // a path is nothing to look up
  cluster.setIn(ENDPOINTS, addresses.map(endpoint));
}

function endpoint(address: string) {
  if (isPath(address)) return { endpoint: { address: { pipe: { path: address.slice('unix:'.length) } } } };
  const colon = address.lastIndexOf(':');
  const socket = socketAddress(address.slice(0, colon), Number(address.slice(colon + 1)));
  return { endpoint: { address: { socket_address: socket } } };
}

function isPath(address: string): boolean {
  return address.startsWith('unix:');
}

function socketAddress(address: string, port: number) {
  return { address, port_value: port };
}

/** Aliases are written out: what is changed in one place is then changed there only. */
function documentOf(file: EdgeFile): Document {
  return new Document(parse(readFileSync(new URL(file, FOLDER), 'utf8')), { aliasDuplicateObjects: false });
}

function listAt(config: Document, path: readonly (string | number)[]): readonly unknown[] {
  const node = config.getIn(path);
  if (!isSeq(node)) throw new Error(`there is no list ${path.join('.')}`);
  return node.items;
}

function mapAt(config: Document, path: readonly (string | number)[]): YAMLMap {
  const node = config.getIn(path);
  if (!isMap(node)) throw new Error(`edge.yaml has no ${path.join('.')}`);
  return node;
}

/** A second listener, like the first; returns where its HTTP connection manager is, for `mutate`. */
export function addListener(config: Document, name: string): (string | number)[] {
  const listener = clone(mapAt(config, LISTENER));
  listener.set('name', name);
  config.addIn(LISTENERS, listener);
  return [...LISTENERS, 1, ...HTTP_MANAGER.slice(LISTENER.length)];
}

/** A cluster like that of the gates, without its health check, that leads elsewhere; for `mutate`. */
export function addCluster(config: Document, name: string, address: string): void {
  const cluster = clone(gateCluster(config, 'wsgate'));
  cluster.set('name', name);
  cluster.setIn(['load_assignment', 'cluster_name'], name);
  cluster.delete('health_checks');
  leadTo(cluster, [address]);
  config.addIn(CLUSTERS, cluster);
}

/** All clusters of the gates, for `mutate`. */
export function gateClusters(config: Document): YAMLMap[] {
  return GATE_CLUSTERS.flatMap((name) => findCluster(config, name) ?? []);
}

/** One of them. */
export function gateCluster(config: Document, name: GateCluster): YAMLMap {
  return clusterNamed(config, name);
}

function clusterNamed(config: Document, name: string): YAMLMap {
  const found = findCluster(config, name);
  if (!found) throw new Error(`there is no cluster ${name}`);
  return found;
}

function findCluster(config: Document, name: string): YAMLMap | undefined {
  const clusters = config.getIn(CLUSTERS);
  const found = isSeq(clusters) && clusters.items.find((cluster) => isMap(cluster) && cluster.get('name') === name);
  return isMap(found) ? found : undefined;
}

/** A busy machine makes Envoy give up questions that are only slow; a test that is about that sets its own timeout. */
export function waitPatiently(config: Document, duration = '5s'): void {
  const filters = config.getIn(FILTERS);
  for (const index of isSeq(filters) ? filters.items.keys() : []) {
    const filter = [...FILTERS, index, 'typed_config'];
    if (config.hasIn([...filter, 'message_timeout'])) config.setIn([...filter, 'message_timeout'], duration);
    if (!config.hasIn([...filter, 'grpc_service', 'timeout'])) continue;
    config.setIn([...filter, 'grpc_service', 'timeout'], duration);
    config.setIn([...filter, 'grpc_service', 'retry_policy', 'retry_back_off', 'max_interval'], duration);
  }
}

function clone(model: YAMLMap): YAMLMap {
  const copy = model.clone();
  if (!isMap(copy)) throw new Error('a map has a map for its clone');
  return copy;
}
