/** envoy/edge.yaml with several gates, and with what a fault wants otherwise. */

import { type Document, isMap, isSeq, type YAMLMap } from 'yaml';
import { HTTP_MANAGER } from '../fleet/edge.ts';
import { NUMBER_HEADER } from './crowd.ts';
import type { EdgeOptions } from './fleet-options.ts';

const CLUSTERS = ['static_resources', 'clusters'];
const ENDPOINTS = ['load_assignment', 'endpoints', 0, 'lb_endpoints'];
const HTTP2 = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const HTTP2_OPTIONS = ['typed_extension_protocol_options', HTTP2, 'explicit_http_config', 'http2_protocol_options'];
const LOG = [...HTTP_MANAGER, 'access_log', 0];
const LOG_FILTERS = [...LOG, 'filter', 'and_filter', 'filters'];
const LOG_SERVICE = [...LOG, 'typed_config', 'common_config', 'grpc_service', 'envoy_grpc'];
/** Clusters that lead to gates have names that begin so. */
const GATE = /^wsgate/;

/** Ports of this machine. */
export interface Gates {
  readonly ports: readonly number[];
  /** Where the access log goes, if elsewhere. */
  readonly logPort?: number;
}

export function changeEdge(config: Document, { ports, logPort }: Gates, options: EdgeOptions): void {
  const gates = gateClusters(config);
  for (const cluster of gates) {
    cluster.setIn(ENDPOINTS, config.createNode(ports.map(endpoint)));
    if (!options.unwatched) continue;
    cluster.delete('health_checks');
    cluster.deleteIn([...HTTP2_OPTIONS, 'connection_keepalive']);
  }
  const [gate] = gates;
  if (logPort !== undefined && gate) sendLogTo(config, gate, logPort);
  if (options.noFlush) config.deleteIn([...HTTP_MANAGER, 'access_log_options', 'access_log_flush_interval']);
  if (options.logsHalf) config.addIn(LOG_FILTERS, config.createNode(evenNumbers()));
}

function gateClusters(config: Document): YAMLMap[] {
  const clusters = config.getIn(CLUSTERS);
  const found = isSeq(clusters) ? clusters.items.filter(isMap) : [];
  const gates = found.filter((cluster) => GATE.test(String(cluster.get('name'))));
  if (gates.length === 0) throw new Error('edge.yaml has no cluster for the gates');
  return gates;
}

function sendLogTo(config: Document, gate: YAMLMap, port: number): void {
  const log = gate.clone();
  if (!isMap(log)) throw new Error('a map has a map for its clone');
  log.set('name', 'log');
  log.delete('health_checks'); // who stands there knows only the access log service
  log.setIn(ENDPOINTS, config.createNode([endpoint(port)]));
  config.addIn(CLUSTERS, log);
  config.setIn([...LOG_SERVICE, 'cluster_name'], 'log');
}

/** Every second connection of the crowd, as its clients number themselves. */
function evenNumbers() {
  return {
    header_filter: { header: { name: NUMBER_HEADER, string_match: { safe_regex: { regex: '[0-9]*[02468]' } } } },
  };
}

export function isEven(number: number): boolean {
  return number % 2 === 0;
}

function endpoint(port: number) {
  return { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } };
}
