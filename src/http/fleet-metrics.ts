/**
 * `/websocket/metrics`: the fleet's totals, from the store. All gates tell the same; scrape one.
 *
 * Cardinality: a series or two per pod, one per proxy, three per service. No lease, user, address or path is a label; the
 * pods of services are named by their addresses, so these are counted together.
 */

import { Gauge, Registry } from '@prometheus-io/client';
import { serviceOf } from '../admission/ids.ts';
import { byProxy } from '../fleet/by-proxy.ts';
import type { FleetSnapshot } from '../fleet/fleet-view.ts';

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

  readonly #services = {
    connections: this.#ofService(
      'connections',
      'WebSocket connections that the pods of a service hold, over all proxies.',
    ),
    limit: this.#ofService('limit', 'The most WebSocket connections that the pods of a service may have, together.'),
    free: this.#ofService('free', 'How many more WebSocket connections the pods of a service take, together.'),
  };

  #snapshot: FleetSnapshot | undefined;
  #text = Promise.resolve('');

  /** Rendered once for each snapshot: many requests do not keep the process busy. */
  render(snapshot: FleetSnapshot): Promise<string> {
    if (snapshot !== this.#snapshot) {
      this.#snapshot = snapshot;
      this.#text = this.#render(snapshot);
    }
    return this.#text;
  }

  #render({ pods, services, proxies: members }: FleetSnapshot): Promise<string> {
    this.#registry.resetMetrics();
    for (const { pod, connections, limit } of pods) {
      if (!serviceOf(pod)) {
        this.#pods.set({ pod_id: pod }, connections);
        this.#limits.set({ pod_id: pod }, limit);
      }
    }
    for (const proxy of members) this.#proxies.set({ proxy_id: proxy }, 0);
    for (const [proxy, leases] of byProxy(pods)) this.#proxies.set({ proxy_id: proxy }, leases);
    for (const { service: id, ...figures } of services) {
      const service = id.slice(0, -1);
      for (const figure of ['connections', 'limit', 'free'] as const) {
        this.#services[figure].set({ service }, figures[figure]);
      }
    }
    return this.#registry.metrics();
  }

  #ofService(figure: string, help: string): Gauge<'service'> {
    const name = `websocket_service_${figure}`;
    return new Gauge({ name, help, labelNames: ['service'], registers: [this.#registry] });
  }
}
