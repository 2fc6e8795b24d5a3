/** All that a gate is between its gRPC server and its store, driven by hand. */

import { openDomain } from '../../src/admission/domain.ts';
import { Events } from '../../src/admission/events.ts';
import { endpointOf, type PodId, type ServiceId } from '../../src/admission/ids.ts';
import type { LeaseStore } from '../../src/admission/lease-store.ts';
import { Limits } from '../../src/admission/limits.ts';
import type { OutagePolicy } from '../../src/admission/outage.ts';
import { type ServiceRules, Services } from '../../src/admission/services.ts';
import { CutStore } from './cut-store.ts';

export const TTL_MS = 60_000;
export const GRACE_MS = 300_000;
export const UNRENEWED_MAX_MS = 24 * 3_600_000;
export const RESERVE_MS = 20_000;
/** Two of Envoy's flush intervals, of which one may be lost. */
export const RECOVERY_MS = 32_000;
export const LIMIT = 3;

export interface ModelGate extends ReturnType<typeof openDomain> {
  readonly name: string;
  readonly store: CutStore;
  readonly events: Events;
}

let made = 0;

/** `known`: services, with their pods. */
export function makeGate(
  shared: () => LeaseStore,
  outage: OutagePolicy,
  recoveryMs = RECOVERY_MS,
  limit = LIMIT,
  known: ReadonlyMap<ServiceId, readonly PodId[]> = new Map(),
): ModelGate {
  made += 1;
  const name = `gate${made}`;
  const events = new Events();
  const store = new CutStore(shared, (up) => events.emit('storeChanged', up, ''));
  const services = new Services();
  services.replace(new Map([...known].map(([service, pods]) => [service, rulesOf(pods, limit)])));
  const limits = new Limits({ default: { connections: limit }, pods: {} }, services);
  const domain = openDomain(
    { store, limits, services, events },
    {
      gate: name,
      about: { version: '0.0.0', node: '24.0.0', startedMs: 0 },
      ttlMs: TTL_MS,
      reserveMs: RESERVE_MS,
      recoveryMs,
      graceMs: GRACE_MS,
      unrenewedMaxMs: UNRENEWED_MAX_MS,
      breakNoticedMs: 15_000,
      outage,
      leasesMax: 1000,
      releasesMax: 1000,
      podsMax: 100,
      proxiesMax: 100,
    },
  );
  return { ...domain, name, store, events };
}

function rulesOf(pods: readonly PodId[], connections: number): ServiceRules {
  return { endpoints: pods.map((pod) => ({ address: endpointOf(pod) ?? '' })), connections };
}
