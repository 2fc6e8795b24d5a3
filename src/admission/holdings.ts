/** How many connections there are of each pod and of each proxy. Names of which there are none take no room. */

import { type LeaseId, type PodId, type ProxyId, proxyOf, type Where } from './ids.ts';
import { tally } from './tally.ts';

export class Holdings {
  readonly #pods = new Map<Where, number>();
  readonly #proxies = new Map<ProxyId, number>();

  add(pod: Where, lease: LeaseId): void {
    tally(this.#pods, pod, 1);
    tally(this.#proxies, proxyOf(lease), 1);
  }

  remove(pod: Where, lease: LeaseId): void {
    tally(this.#pods, pod, -1);
    tally(this.#proxies, proxyOf(lease), -1);
  }

  ofPod(pod: PodId): number {
    return this.#pods.get(pod) ?? 0;
  }

  holdsPod(pod: PodId): boolean {
    return this.#pods.has(pod);
  }

  holdsProxy(proxy: ProxyId): boolean {
    return this.#proxies.has(proxy);
  }
}
