/** The fleet's figures as one message tells them. */

import type { FleetSnapshot } from '../../fleet/fleet-view.ts';
import type { Attendance, Snapshot } from '../protocol.ts';
import type { Levels } from './levels.ts';

/** Of pods, and of proxies: a message of 10,000 pods for each client would be more than a page can show. */
const LISTED_MAX = 1000;

interface Occupancy {
  readonly connections: number;
  readonly limit: number;
}

export function snapshotOf(
  { timeMs, pods }: FleetSnapshot,
  levels: Levels,
  rest: Attendance & Pick<Snapshot, 'store' | 'rates'>,
): Snapshot {
  const perProxy = new Map<string, number>();
  for (const { proxies } of pods) {
    for (const [proxy, held] of proxies) perProxy.set(proxy, (perProxy.get(proxy) ?? 0) + held);
  }
  const listed = pods.map(({ pod, connections, limit, proxies }) => ({
    pod: String(pod),
    connections,
    limit,
    level: levels[pod]?.level ?? 'normal',
    proxies: Object.fromEntries(proxies),
  }));
  const count = (level: string) => listed.filter((each) => each.level === level).length;
  return {
    timestamp: new Date(timeMs).toISOString(),
    stale: false,
    ...rest,
    totals: {
      connections: pods.reduce((sum, { connections }) => sum + connections, 0),
      pods: pods.length,
      proxies: perProxy.size,
      filling: count('filling'),
      saturated: count('saturated'),
    },
    pods: withLeastRoom(listed),
    proxies: [...perProxy]
      .map(([proxy, connections]) => ({ proxy, connections }))
      .sort((a, b) => b.connections - a.connections)
      .slice(0, LISTED_MAX),
  };
}

/** The pods that are listed where not all can be, in this order. */
export function withLeastRoom<T extends Occupancy>(pods: readonly T[]): T[] {
  return pods.toSorted((a, b) => shareOf(b) - shareOf(a) || b.connections - a.connections).slice(0, LISTED_MAX);
}

/** Of a fleet of which nothing is known. */
export function unknownSnapshot(): Snapshot {
  return {
    timestamp: new Date().toISOString(),
    store: 'down',
    stale: true,
    gates: 0,
    silent_gates: [],
    unlogged_proxies: [],
    unrenewed_proxies: [],
    totals: { connections: 0, pods: 0, proxies: 0, filling: 0, saturated: 0 },
    rates: { admitted: 0, denied: 0, released: 0 },
    pods: [],
    proxies: [],
  };
}

function shareOf({ connections, limit }: Occupancy): number {
  return connections === 0 ? 0 : connections / limit;
}
