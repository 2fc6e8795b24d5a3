/** Where upgrades go. */

import type { Route } from '../envoy-view.ts';
import type { Finding } from '../finding.ts';
import { clustersOf, type GateSide, podOf } from '../gate-side.ts';
import { at, durationMs, isObject, list, text } from '../json.ts';

/** Envoy's, where none is set. */
const IDLE_DEFAULT = '5 minutes';

export function examineRoutes({ manager, doors }: GateSide): Finding[] {
  if (doors.length === 0) return [];
  return [
    ...idle(manager.where, manager.config),
    ...manager.routes.flatMap((route) => [...weighted(route), ...mirrored(route)]),
  ];
}

function idle(where: string, config: unknown): Finding[] {
  if (durationMs(config, 'stream_idle_timeout') !== undefined) return [];
  return [
    {
      check: 'stream-idle-timeout',
      cost: 'closes',
      where,
      says: `a WebSocket without a byte for ${IDLE_DEFAULT} is closed, which is Envoy's default`,
      line: 'stream_idle_timeout: 3600s',
    },
  ];
}

function weighted(route: Route): Finding[] {
  const pod = podOf(route);
  const clusters = list(route.config, 'route', 'weighted_clusters', 'clusters');
  if (pod === undefined || clusters.length < 2 || clusters.every(namesPod)) return [];
  return [
    {
      check: 'weighted-clusters',
      cost: 'limit',
      where: route.where,
      says: `connections of ${clusters.length} clusters (${clustersOf(route).join(', ')}) are counted as one pod, ${pod}`,
      line: 'context_extensions: {pod: …} for each weighted cluster, and no pod in the route’s metadata; pods.from: [context]',
    },
  ];
}

/** ExtAuthzPerRoute of a weighted cluster. */
function namesPod(cluster: unknown): boolean {
  const filters = at(cluster, 'typed_per_filter_config');
  if (!isObject(filters)) return false;
  return Object.values(filters).some(
    (filter) => text(filter, 'check_settings', 'context_extensions', 'pod') !== undefined,
  );
}

function mirrored(route: Route): Finding[] {
  const mirrors = list(route.config, 'route', 'request_mirror_policies');
  if (mirrors.length === 0) return [];
  return [
    {
      check: 'mirrored',
      cost: 'limit',
      where: route.where,
      says: `each WebSocket is opened a second time at ${mirrors.map((mirror) => text(mirror, 'cluster') ?? 'a cluster').join(', ')}, which nobody counts`,
      line: 'no request_mirror_policies on routes of WebSockets',
    },
  ];
}
