/** Which proxies were heard and which pods were used since the last heartbeat; and the maximum number of both. */

import type { Events } from './events.ts';
import type { Holdings } from './holdings.ts';
import { isPod, type LeaseId, type PodId, type ProxyId, proxyOf, type Where } from './ids.ts';
import { RecentNames } from './recent-names.ts';
import { Unspoken } from './unspoken.ts';

export interface Present {
  readonly proxies: ReadonlySet<ProxyId>;
  readonly pods: ReadonlySet<PodId>;
}

export interface PresenceOptions {
  /** Maximum number of pods, and of proxies, that one gate keeps anything of. */
  readonly podsMax: number;
  readonly proxiesMax: number;
  /** For how long an upgrade counts of which no log has spoken. */
  readonly reserveMs: number;
}

export class Presence {
  readonly #events: Events;
  readonly #unspoken: Unspoken;
  readonly #knownProxies: RecentNames<ProxyId>;
  readonly #knownPods: RecentNames<PodId>;
  #proxies = new Set<ProxyId>();
  #pods = new Set<PodId>();

  /** `held`: the connections of the ledger. */
  constructor(
    events: Events,
    held: Pick<Holdings, 'holdsPod' | 'holdsProxy'>,
    { podsMax, proxiesMax, reserveMs }: PresenceOptions,
  ) {
    this.#events = events;
    this.#unspoken = new Unspoken(reserveMs);
    this.#knownPods = new RecentNames({
      max: podsMax,
      holds: (pod) => this.#unspoken.holdsPod(pod) || held.holdsPod(pod),
      gaveWay: (pod) => void this.#pods.delete(pod),
    });
    this.#knownProxies = new RecentNames({
      max: proxiesMax,
      holds: (proxy) => this.#unspoken.holdsProxy(proxy) || held.holdsProxy(proxy),
      gaveWay: (proxy) => void this.#proxies.delete(proxy),
    });
    events.on('decided', ({ admitted, lease }) => {
      if (!admitted && lease !== undefined) this.#unspoken.remove(lease);
    });
  }

  /**
   * An upgrade asks for a slot: it may be a connection from now on, until it is denied or the log tells what came of it.
   * False when there are too many other names: then nothing is to be kept of it.
   */
  asks(pod: Where, lease: LeaseId): boolean {
    if (!this.#note(proxyOf(lease), pod)) return false;
    this.#unspoken.add(pod, lease);
    return true;
  }

  /** The log speaks of a connection, or of its end. False as in `asks`. */
  speaks(pod: Where, lease: LeaseId): boolean {
    const isNoted = this.#note(proxyOf(lease), pod);
    this.#unspoken.remove(lease); // only now: until the ledger has it, this kept its place
    return isNoted;
  }

  take(): Present {
    const present = { proxies: this.#proxies, pods: this.#pods };
    this.#proxies = new Set();
    this.#pods = new Set();
    return present;
  }

  /** The heartbeat failed: tell it with the next one. */
  putBack({ proxies, pods }: Present): void {
    for (const proxy of proxies) if (this.#knownProxies.has(proxy)) this.#proxies.add(proxy);
    for (const pod of pods) if (this.#knownPods.has(pod)) this.#pods.add(pod);
  }

  #note(proxy: ProxyId, pod: Where): boolean {
    if (!this.#knownProxies.use(proxy)) return this.#tooMany('limits.proxiesMax');
    if (isPod(pod) && !this.#knownPods.use(pod)) return this.#tooMany('limits.podsMax');
    this.#proxies.add(proxy);
    if (isPod(pod)) this.#pods.add(pod);
    return true;
  }

  #tooMany(bound: string): false {
    this.#events.emit('boundReached', bound);
    return false;
  }
}
