/** Each service with its pods, as people are shown them. */

import type { PodId, ServiceId } from '../admission/ids.ts';
import { serviceOf } from '../admission/ids.ts';
import type { Answer, LeaseStore } from '../admission/lease-store.ts';
import type { Endpoint, Services } from '../admission/services.ts';
import type { FleetSnapshot, FleetView, ServiceCount } from './fleet-view.ts';

/**
 * `leaving`: it is none of the service any more, and has connections. `cordoned`: somebody has said that it takes none.
 * `avoided`: it refused a connection, and is asked again in a while.
 */
export type PodState = 'ready' | 'avoided' | 'cordoned' | 'leaving';

export interface ServicePod {
  readonly pod: PodId;
  readonly connections: number;
  readonly limit: number;
  readonly state: PodState;
  /** What its source tells of it, as this gate knows it. */
  readonly endpoint: Endpoint | undefined;
}

export interface ShownService extends ServiceCount {
  /** By name. */
  readonly pods: readonly ServicePod[];
}

interface ServiceViewParts {
  readonly store: LeaseStore;
  readonly services: Services;
  readonly fleet: FleetView;
}

export async function shownServices({
  store,
  services,
  fleet,
}: ServiceViewParts): Promise<Answer<{ readonly timeMs: number; readonly services: readonly ShownService[] }>> {
  const snapshot = await fleet.snapshot();
  if (!snapshot.ok) return snapshot;
  const { timeMs } = snapshot.value;
  const ofService = Map.groupBy(snapshot.value.pods, ({ pod }) => serviceOf(pod));
  const shown: ShownService[] = [];
  for (const count of snapshot.value.services) {
    const avoided = await store.avoided(count.service);
    if (!avoided.ok) return avoided;
    const isAvoided = (pod: PodId) => (avoided.value.get(pod) ?? 0) > timeMs;
    const pods = (ofService.get(count.service) ?? []).map((pod) => shownPod(count.service, pod, services, isAvoided));
    shown.push({ ...count, pods: pods.filter(({ state, connections }) => state !== 'leaving' || connections > 0) });
  }
  return { ok: true, value: { timeMs, services: shown } };
}

function shownPod(
  service: ServiceId,
  { pod, connections, limit, isCordoned }: FleetSnapshot['pods'][number],
  services: Services,
  isAvoided: (pod: PodId) => boolean,
): ServicePod {
  const endpoint = services.endpoint(pod);
  const state = !services.pods(service).has(pod)
    ? 'leaving'
    : isCordoned
      ? 'cordoned'
      : isAvoided(pod)
        ? 'avoided'
        : 'ready';
  return { pod, connections, limit, state, endpoint };
}
