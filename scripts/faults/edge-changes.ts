/** envoy/edge.yaml with several gates, and with the access log sent another way if asked to. */

import { type Document, isMap } from 'yaml';
import { HTTP_MANAGER } from '../fleet/edge.ts';

const CLUSTERS = ['static_resources', 'clusters'];
const ENDPOINTS = ['load_assignment', 'endpoints', 0, 'lb_endpoints'];
const LOG_SERVICE = [...HTTP_MANAGER, 'access_log', 0, 'typed_config', 'common_config', 'grpc_service', 'envoy_grpc'];

/** `gateCluster`: its place among the clusters. Ports of this machine. */
export function leadToGates(config: Document, gateCluster: number, ports: readonly number[], logPort?: number): void {
  const gates = config.getIn([...CLUSTERS, gateCluster]);
  if (!isMap(gates)) throw new Error('edge.yaml has no cluster for the gates');
  gates.setIn(ENDPOINTS, config.createNode(ports.map(endpoint)));
  if (logPort === undefined) return;
  const log = gates.clone();
  if (!isMap(log)) throw new Error('a map has a map for its clone');
  log.set('name', 'log');
  log.delete('health_checks'); // who stands there knows only the access log service
  log.setIn(ENDPOINTS, config.createNode([endpoint(logPort)]));
  config.addIn(CLUSTERS, log);
  config.setIn([...LOG_SERVICE, 'cluster_name'], 'log');
}

function endpoint(port: number) {
  return { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } };
}
