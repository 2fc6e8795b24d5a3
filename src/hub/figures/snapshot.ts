/** The fleet's figures as one message. */

import { byProxy } from '../../fleet/by-proxy.ts';
import type { FleetSnapshot } from '../../fleet/fleet-view.ts';
import { fullest, LISTED_MAX } from '../../fleet/fullest.ts';
import type { Attendance, Snapshot } from '../protocol.ts';
import type { Levels } from './levels.ts';

export function snapshotOf(
  { timeMs, pods }: Pick<FleetSnapshot, 'timeMs' | 'pods'>,
  levels: Levels,
  rest: Attendance & Pick<Snapshot, 'store' | 'rates'>,
): Snapshot {
  const perProxy = byProxy(pods);
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
    pods: fullest(listed),
    proxies: [...perProxy]
      .map(([proxy, connections]) => ({ proxy, connections }))
      .sort((a, b) => b.connections - a.connections)
      .slice(0, LISTED_MAX),
  };
}

/** Of a fleet of which nothing is known yet. */
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
