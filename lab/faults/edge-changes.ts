/** Changes the shipped configuration of Envoy as a fault asks for. */

import type { Document } from 'yaml';
import { FILTERS, gateCluster, gateClusters, HTTP_MANAGER, leadTo } from '../fleet/edge.ts';
import { NUMBER_HEADER } from './crowd.ts';
import type { EdgeOptions } from './fleet-options.ts';

const HTTP2 = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const HTTP2_OPTIONS = ['typed_extension_protocol_options', HTTP2, 'explicit_http_config', 'http2_protocol_options'];
const LOG_FILTERS = [...HTTP_MANAGER, 'access_log', 0, 'filter', 'and_filter', 'filters'];

/** Ports of this machine, of something that stands between Envoy and the gates: for the access log, for held streams. */
export interface Ways {
  readonly logPort: number | undefined;
  readonly holdPorts: readonly number[];
}

export function changeEdge(config: Document, { logPort, holdPorts }: Ways, options: EdgeOptions): void {
  if (options.unwatched) {
    for (const cluster of gateClusters(config)) {
      cluster.delete('health_checks');
      cluster.deleteIn([...HTTP2_OPTIONS, 'connection_keepalive']);
    }
  }
  if (logPort !== undefined) sendLogTo(config, logPort);
  if (holdPorts.length > 0) {
    const ways = holdPorts.map((port) => `127.0.0.1:${port}`);
    leadTo(gateCluster(config, 'wsgate_hold'), ways);
  }
  if (options.holdsAll) config.setIn([...FILTERS, 1, 'typed_config', 'message_timeout'], '5s');
  if (options.noFlush) config.deleteIn([...HTTP_MANAGER, 'access_log_options', 'access_log_flush_interval']);
  if (options.logsHalf) config.addIn(LOG_FILTERS, config.createNode(evenNumbers()));
}

/** `port`: of this machine. */
export function sendLogTo(config: Document, port: number): void {
  const log = gateCluster(config, 'wsgate_log');
  log.delete('health_checks'); // who stands there knows only the access log service
  leadTo(log, [`127.0.0.1:${port}`]);
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
