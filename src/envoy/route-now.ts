/**
 * Envoy chooses the route of a request once more when a filter changes its path or headers and clears the route cache. Where
 * that filter stands behind the gate's, the WebSocket opens at another pod than the one that the gate decided about.
 */

import { type LeaseId, type PodId, parsePodId } from '../admission/ids.ts';
import type { PodSources } from './pod-sources.ts';
import type { ToldLease } from './told-lease.ts';

export interface Place {
  readonly pod: PodId;
  readonly lease: LeaseId;
  /** The pod that the gate decided about, where the connection is at another one. */
  readonly movedFrom?: PodId;
}

/**
 * Where the connection of that lease is. `routePod`: of the stream's present route, which only Envoy's configuration says.
 * It is believed where it would decide about the upgrade, if the gate were asked now: otherwise it may be the name of
 * something else.
 */
export function placeOf({ pod, lease, byRoute }: ToldLease, routePod: string | undefined, pods: PodSources): Place {
  const now = byRoute && pods.routeFirst && routePod !== undefined ? parsePodId(routePod) : undefined;
  return now === undefined || now === pod ? { pod, lease } : { pod: now, lease, movedFrom: pod };
}
