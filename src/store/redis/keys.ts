/**
 * Redis keys. Those of one pod share a hash slot, because the tag of the others is the first one: a script over them
 * is atomic on Redis Cluster too. Those of all pods of a service share one, by the service's name. A pod id holds no
 * brace, and the configuration refuses a prefix that does.
 */

import { type ProxyId, type ServiceId, serviceOf, type Where } from '../../admission/ids.ts';
import type { Membership } from '../../admission/lease-store.ts';

/**
 * In the order in which every script takes them:
 * - sorted set, lease id → expiry, ms of Redis TIME: its size is the count. A multiple of eight as long as nobody has
 *   spoken of the lease since it was acquired; plus 1 from then on, plus 2 once a periodic log entry has told it, plus 4
 *   once a gate has held a stream that is open for as long as its connection;
 * - hash, proxy → its number of leases in the set;
 * - hash, lease id → JSON `{state, path, client}`: the rest of who holds it (proxy, since, peer) is in the lease id;
 * - sorted set, lease id that has ended → until when no renewal puts it back, ms of Redis TIME;
 * - sorted set, lease id that was taken out by its proxy's silence → until when that is remembered, ms of Redis TIME;
 * - hash, the override of the pod's limit: 'limit' → connections, 'version' → of all overrides; goes when it ends.
 *
 * The pods of a service share info and the two after it, and have the override last. Their info has the endpoint that has the
 * lease before the JSON, and a space between the two. They have besides (`pod.lua`):
 * - sorted set, endpoint that takes new leases → how many more it takes and how many it has (`packRoom`);
 * - hash, endpoint → its limit, with its override: also of those that are gone from the service and hold leases still;
 * - sorted set, endpoint that refused a connection → until when it takes no new leases, ms of Redis TIME;
 * - hash, such an endpoint → for how long that was, and until when (`avoid.lua`);
 * - hash, endpoint → its limit, without its override;
 * - hash, endpoint → its zone, where the pods are spread over zones; 'softLimit' → the soft limit, where there is one;
 * - hash, zone → the number of leases of all its pods. Each has a sorted set as above, too;
 * - hash, gate → its list of the pods, when it changed to it, when it last told it, ms of Redis TIME; '=enrolled' → the list of
 *   which the pods above are (`listed.lua`).
 */
export type PodKeys = readonly [
  leases: string,
  proxies: string,
  info: string,
  ended: string,
  lapsed: string,
  ...string[],
];

type GatesPart = 'history' | 'back' | 'told' | 'doubting' | 'closings' | 'about' | 'overrides' | 'ends' | 'audit';

export class Keys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Of a service: those of no pod of it, and all that its pods share. */
  pod(pod: Where): PodKeys {
    const service = serviceOf(pod);
    if (service) return this.#ofService(service.slice(0, -1), pod.slice(service.length));
    const leases = `${this.#prefix}pod_conn:${pod}`;
    const parts = (['proxies', 'info', 'ended', 'lapsed', 'override'] as const).map((part) => `{${leases}}:${part}`);
    return [leases, ...(parts as [string, string, string, string, string])];
  }

  /** Of a service: hash, endpoint → its limit as it was told. */
  configured(service: ServiceId): string {
    return `{${this.#prefix}service:${service.slice(0, -1)}}:configured`;
  }

  /** Of a service: hash, endpoint → its limit. */
  limits(service: ServiceId): string {
    return `{${this.#prefix}service:${service.slice(0, -1)}}:limits`;
  }

  /** Of a service: sorted set, endpoint that refused a connection → until when it takes no new leases, ms of Redis TIME. */
  avoided(service: ServiceId): string {
    return `{${this.#prefix}service:${service.slice(0, -1)}}:avoided`;
  }

  #ofService(service: string, endpoint: string): PodKeys {
    const tag = `{${this.#prefix}service:${service}}`;
    const parts = ['room', 'limits', 'avoided', 'refusals', 'configured', 'order', 'zones', 'lists'] as const;
    const shared = parts.map((part) => `${tag}:${part}`);
    const own = [`${tag}:pod_conn:${endpoint}`, `${tag}:proxies:${endpoint}`] as const;
    return [...own, `${tag}:at`, `${tag}:ended`, `${tag}:lapsed`, ...shared, `${tag}:override:${endpoint}`];
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
   * - `about`, hash: gate → JSON `{version, node, startedMs, held}`, for people to look at;
   * - `overrides`, hash: kind and pod → version, when it was decided, when it ends or 0, ms of Redis TIME, and the decision as
   *   JSON; `version` → that of all of them;
   * - `ends`, sorted set: kind and pod of an override → when it ends, ms of Redis TIME, or +inf;
   * - `audit`, sorted set: a number, which makes it the only one, and the entry as JSON → when, ms of Redis TIME.
   */
  ofGates(part: GatesPart): string {
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
