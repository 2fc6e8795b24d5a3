/** envoy/edge.yaml with the access log sent to somebody who stands between Envoy and the gates. */

import type { Document } from 'yaml';
import { gateCluster, leadTo } from '../fleet/edge.ts';

/** `port`: of this machine. */
export function sendLogTo(config: Document, port: number): void {
  const log = gateCluster(config, 'wsgate_log');
  log.delete('health_checks'); // who stands there knows only the access log service
  leadTo(log, [`127.0.0.1:${port}`]);
}
