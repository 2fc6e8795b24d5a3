/** How many connections there are of each pod and of each proxy. Names of which there are none take no room. */

import { type LeaseId, type PodId, type ProxyId, proxyOf, type Where } from './ids.ts';

export class Holdings {
  readonly #pods = new Map<Where, number>();
  readonly #proxies = new Map<ProxyId, number>();

  add(pod: Where, lease: LeaseId): void {
    change(this.#pods, pod, 1);
    change(this.#proxies, proxyOf(lease), 1);
  }

  remove(pod: Where, lease: LeaseId): void {
    change(this.#pods, pod, -1);
    change(this.#proxies, proxyOf(lease), -1);
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

function change<Name>(counts: Map<Name, number>, name: Name, by: 1 | -1): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}
