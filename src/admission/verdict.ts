/** The question of the gate and its answer: an upgrade, and what becomes of it. Doors ask with these types. */

import type { LeaseId, PodId, ServiceId, Where } from './ids.ts';

/** A WebSocket that wants to open, or is open. */
export interface Upgrade {
  readonly pod: PodId;
  readonly lease: LeaseId;
  /** The request's path, without its query. */
  readonly path: string;
  /** As Envoy trusts it, only to be shown. Absent where it is the direct peer, or not known. */
  readonly client?: string | undefined;
}

/** One for a pod that the gate is to choose among those of a service. */
export interface PlacedUpgrade extends Omit<Upgrade, 'pod'> {
  readonly service: ServiceId;
  /** Upgrades with the same one go to the same pod, while it has room. Of the client: never to be shown. */
  readonly key?: string | undefined;
}

export type AnyUpgrade = Upgrade | PlacedUpgrade;

/** As far as it is known before the answer. */
export function whereOf(upgrade: AnyUpgrade): Where {
  return 'pod' in upgrade ? upgrade.pod : upgrade.service;
}

/**
 * `STORE_RECOVERING`: the store answers, but may lack leases (`standing.ts`). `TOO_MANY_NAMES`: of pods or proxies.
 * `ENDED`: a late word of a connection that is gone; nobody waits for this answer.
 */
export type DenialReason =
  | 'LIMIT_EXCEEDED'
  | 'ENDED'
  | 'STORE_UNAVAILABLE'
  | 'STORE_RECOVERING'
  | 'TOO_MANY_NAMES'
  | 'POD_UNKNOWN'
  | 'PROXY_UNKNOWN';

/**
 * `counted` is false for a connection that was admitted without the store, and is counted later. A denial's lease is
 * the one that it did not get: it names who asked.
 */
export type Verdict =
  | {
      readonly admitted: true;
      readonly counted: boolean;
      readonly pod: PodId;
      readonly lease: LeaseId;
      /** Further pods that Envoy may try when that one refuses: nothing is reserved there. */
      readonly others?: readonly PodId[];
    }
  | { readonly admitted: false; readonly reason: DenialReason; readonly pod?: PodId; readonly lease?: LeaseId };
