/**
 * Redis keys. Those of one pod share a hash slot, because the tag of the others is the first one: a script over them
 * is atomic on Redis Cluster too. A pod id holds no brace, and the configuration refuses a prefix that does.
 */

import type { PodId, ProxyId } from '../../admission/ids.ts';
import type { Membership } from '../../admission/lease-store.ts';

/**
 * In the order in which every script takes them:
 * - sorted set, lease id → expiry, ms of Redis TIME: its size is the count. A multiple of eight as long as nobody has
 *   spoken of the lease since it was acquired; plus 1 from then on, plus 2 once a periodic log entry has told it, plus 4
 *   once a gate has held a stream that is open for as long as its connection;
 * - hash, proxy → its number of leases in the set;
 * - hash, lease id → JSON `{state, path, client}`: the rest of who holds it (proxy, since, peer) is in the lease id;
 * - sorted set, lease id that has ended → until when no renewal puts it back, ms of Redis TIME;
 * - sorted set, lease id that was taken out by its proxy's silence → until when that is remembered, ms of Redis TIME.
 */
export type PodKeys = readonly [leases: string, proxies: string, info: string, ended: string, lapsed: string];

export class Keys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  pod(pod: PodId): PodKeys {
    const leases = `${this.#prefix}pod_conn:${pod}`;
    return [leases, `{${leases}}:proxies`, `{${leases}}:info`, `{${leases}}:ended`, `{${leases}}:lapsed`];
  }

  /** Sorted set: name of a gate, proxy or pod → when it was last seen, ms of Redis TIME. */
  members(membership: Membership): string {
    return `${this.#prefix}${membership}`;
  }

  /**
   * In the slot of the gates, so that one clock tells all their times:
   * - `history`, hash: when the incarnation began, and the Redis processes that have kept the leases (`incarnation.lua`);
   * - `back`, sorted set: gate → when it came back after leases were lost, ms of Redis TIME;
   * - `told`, sorted set: gate → when it last said that it has told the store all that it knows, ms of Redis TIME;
   * - `doubting`, sorted set: gate → when it last said that it does not trust the counts yet, ms of Redis TIME;
   * - `closings`, sorted set: pod, lease and reason of a connection to close → when that was asked for, ms of Redis TIME;
   * - `about`, hash: gate → JSON `{version, node, startedMs, held}`, for people to look at.
   */
  ofGates(part: 'history' | 'back' | 'told' | 'doubting' | 'closings' | 'about'): string {
    return `{${this.members('gates')}}:${part}`;
  }

  /** Hash: the layout of all keys with this prefix (`layout.ts`). */
  get layout(): string {
    return `{${this.members('gates')}}:layout`;
  }

  /** Sorted set: the proxies that log to this gate → since when, ms of Redis TIME. */
  hears(gate: string): string {
    return `{${this.members('gates')}}:hears:${gate}`;
  }

  /** Hash: what the fleet knows of a proxy's access log (`tell.lua`). */
  promised(proxy: ProxyId): string {
    return `{${this.members('gates')}}:promised:${proxy}`;
  }
}
