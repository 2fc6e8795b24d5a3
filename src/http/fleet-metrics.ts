/**
 * `/websocket/metrics`: the fleet's totals, from the store. Any gate can serve them; scrape one.
 *
 * Cardinality: a series or two per pod, one per proxy. No lease, user, address or path is a label.
 */

import { Gauge, Registry } from '@prometheus-io/client';
import type { FleetSnapshot } from './fleet-view.ts';

export class FleetMetrics {
  readonly #registry = new Registry();
  readonly #pods = new Gauge({
    name: 'websocket_pod_connections',
    help: 'WebSocket connections that a pod holds, over all proxies.',
    labelNames: ['pod_id'],
    registers: [this.#registry],
  });
  readonly #proxies = new Gauge({
    name: 'websocket_proxy_connections',
    help: 'WebSocket connections that a proxy holds, over all pods.',
    labelNames: ['proxy_id'],
    registers: [this.#registry],
  });
  readonly #limits = new Gauge({
    name: 'websocket_pod_limit',
    help: 'The most WebSocket connections that a pod may have.',
    labelNames: ['pod_id'],
    registers: [this.#registry],
  });

  get contentType(): string {
    return this.#registry.contentType;
  }

  render({ pods }: FleetSnapshot): Promise<string> {
    this.#registry.resetMetrics();
    for (const { pod, connections, limit, proxies } of pods) {
      this.#pods.set({ pod_id: pod }, connections);
      this.#limits.set({ pod_id: pod }, limit);
      for (const [proxy, held] of proxies) this.#proxies.inc({ proxy_id: proxy }, held);
    }
    return this.#registry.metrics();
  }
}
