/** Which proxies were heard and which pods were used since the last heartbeat, and how many there may be at all. */

import type { Events } from './events.ts';
import type { PodId, ProxyId } from './ids.ts';
import { RecentNames } from './recent-names.ts';

export interface Present {
  readonly proxies: ReadonlySet<ProxyId>;
  readonly pods: ReadonlySet<PodId>;
}

export interface PresenceOptions {
  /** Pods, and proxies, that one gate serves within an hour. */
  readonly podsMax: number;
  readonly proxiesMax: number;
}

export class Presence {
  readonly #events: Events;
  readonly #knownProxies: RecentNames<ProxyId>;
  readonly #knownPods: RecentNames<PodId>;
  #proxies = new Set<ProxyId>();
  #pods = new Set<PodId>();

  constructor(events: Events, { podsMax, proxiesMax }: PresenceOptions) {
    this.#events = events;
    this.#knownPods = new RecentNames(podsMax);
    this.#knownProxies = new RecentNames(proxiesMax);
  }

  /** False when there are too many others: then nothing is to be kept of them. */
  note(proxy: ProxyId, pod: PodId): boolean {
    if (!this.#knownProxies.use(proxy)) return this.#tooMany('limits.proxiesMax');
    if (!this.#knownPods.use(pod)) return this.#tooMany('limits.podsMax');
    this.#proxies.add(proxy);
    this.#pods.add(pod);
    return true;
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

  #tooMany(bound: string): false {
    this.#events.emit('boundReached', bound);
    return false;
  }
}
