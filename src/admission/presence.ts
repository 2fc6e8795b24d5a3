/** Which proxies were heard and which pods were used since the last heartbeat. */

import type { PodId, ProxyId } from './ids.ts';

export interface Present {
  readonly proxies: ReadonlySet<ProxyId>;
  readonly pods: ReadonlySet<PodId>;
}

export class Presence {
  #proxies = new Set<ProxyId>();
  #pods = new Set<PodId>();

  note(proxy: ProxyId, pod: PodId): void {
    this.#proxies.add(proxy);
    this.#pods.add(pod);
  }

  take(): Present {
    const present = { proxies: this.#proxies, pods: this.#pods };
    this.#proxies = new Set();
    this.#pods = new Set();
    return present;
  }

  /** The heartbeat did not get through: tell it with the next one. */
  putBack({ proxies, pods }: Present): void {
    for (const proxy of proxies) this.#proxies.add(proxy);
    for (const pod of pods) this.#pods.add(pod);
  }
}
