/**
 * `/websocket/metrics`: the fleet's totals, from the store. All gates tell the same; scrape one.
 *
 * Cardinality: a series or two per pod, one per proxy. No lease, user, address or path is a label.
 */

import { Gauge, Registry } from '@prometheus-io/client';
import type { ProxyId } from '../admission/ids.ts';
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

  #render({ pods, proxies: members }: FleetSnapshot): Promise<string> {
    this.#registry.resetMetrics();
    const held = new Map<ProxyId, number>(members.map((proxy) => [proxy, 0]));
    for (const { pod, connections, limit, proxies } of pods) {
      this.#pods.set({ pod_id: pod }, connections);
      this.#limits.set({ pod_id: pod }, limit);
      for (const [proxy, leases] of proxies) held.set(proxy, (held.get(proxy) ?? 0) + leases);
    }
    for (const [proxy, leases] of held) this.#proxies.set({ proxy_id: proxy }, leases);
    return this.#registry.metrics();
  }
}
