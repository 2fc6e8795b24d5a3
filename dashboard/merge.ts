/**
 * Figures come every few seconds; pods that have changed since are read one by one. This puts the two together, so that
 * the page shows one state: what was read later counts, and the sums move with it.
 */

import { byFullness } from '../src/fleet/fullest.ts';
import type { PodBody } from '../src/http/bodies.ts';
import type { Level, Snapshot } from '../src/hub/protocol.ts';

export type PodFigures = Snapshot['pods'][number];

export interface PodRead extends PodBody {
  /** By the store's clock, as the snapshot's. */
  readonly timeMs: number;
}

/** `levels`: what events told of pods since the snapshot. */
export function merge(
  snapshot: Snapshot,
  reads: ReadonlyMap<string, PodRead>,
  levels: ReadonlyMap<string, Level>,
): Snapshot {
  const takenMs = Date.parse(snapshot.timestamp);
  const newer = [...reads.values()].filter(({ timeMs }) => timeMs >= takenMs);
  if (newer.length === 0 && levels.size === 0) return snapshot;

  const pods = new Map(snapshot.pods.map((pod) => [pod.pod, pod]));
  const perProxy = new Map(snapshot.proxies.map(({ proxy, connections }) => [proxy, connections]));
  const totals = { ...snapshot.totals };
  // With pods beyond the list, one that is not on it may be old, and then the sums count it already.
  const allListed = snapshot.pods.length === totals.pods;
  for (const { pod, connections, limit, proxies } of newer) {
    const before = pods.get(pod);
    if (!before && connections === 0) continue;
    pods.set(pod, { pod, connections, limit, proxies, level: before?.level ?? 'normal' });
    if (!before && !allListed) continue;
    if (!before) totals.pods += 1;
    totals.connections += connections - (before?.connections ?? 0);
    for (const [proxy, held] of Object.entries(proxies)) perProxy.set(proxy, (perProxy.get(proxy) ?? 0) + held);
    for (const [proxy, held] of Object.entries(before?.proxies ?? {})) {
      perProxy.set(proxy, (perProxy.get(proxy) ?? 0) - held);
    }
  }

  const merged = [...pods.values()].map((pod) => ({ ...pod, level: levelOf(pod, levels.get(pod.pod)) }));
  for (const level of ['filling', 'saturated'] as const) {
    totals[level] += count(merged, level) - count(snapshot.pods, level);
  }
  const proxies = [...perProxy].map(([proxy, connections]) => ({ proxy, connections }));
  // Of more proxies than are listed, those that hold nothing any more are not known.
  if (snapshot.proxies.length === snapshot.totals.proxies) {
    totals.proxies = proxies.filter(({ connections }) => connections > 0).length;
  }
  return {
    ...snapshot,
    totals,
    pods: merged.sort(byFullness),
    proxies: proxies.filter(({ connections }) => connections > 0).sort((a, b) => b.connections - a.connections),
  };
}

/** A pod at its limit is saturated before anybody has told so; one that is empty is not, whatever was told. */
function levelOf(pod: PodFigures, told: Level = pod.level): Level {
  if (pod.connections === 0) return 'normal';
  return pod.connections >= pod.limit ? 'saturated' : told;
}

function count(pods: readonly PodFigures[], level: Level): number {
  return pods.filter((pod) => pod.level === level).length;
}
