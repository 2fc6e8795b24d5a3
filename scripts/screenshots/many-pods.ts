/** A fleet of 1,000 pods for a picture: some full, most half full, a few empty. Without Envoys: only its leases exist. */

import { kubernetesNames } from '../../lab/fleet/kubernetes-names.ts';
import { Random } from '../../lab/fleet/random.ts';
import type { FilledPod } from '../../lab/redis/fill.ts';

const PODS = 1000;
const PROXIES = 20;
const FULL_CHANCE = 0.02;
const DEPLOYMENTS = [
  'checkout-websocket-gateway',
  'chat-rooms',
  'market-data-stream',
  'notifications-push',
  'presence',
  'telemetry-ingest-eu-west-1',
  'live-scores',
  'driver-location-updates',
];

export function manyPods(limit: number): { readonly pods: readonly FilledPod[]; readonly proxies: readonly string[] } {
  const random = new Random(1);
  const pods = kubernetesNames(DEPLOYMENTS, PODS, random).map((pod) => ({
    pod,
    connections: random.chance(FULL_CHANCE) ? limit : random.below(limit),
  }));
  return { pods, proxies: kubernetesNames(['envoy-edge'], PROXIES, random) };
}
