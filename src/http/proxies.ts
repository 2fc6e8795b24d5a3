/** `/v1/proxies` tells how the leases of each proxy are kept: by held streams, by its access log, by nothing. */

import type { FastifyInstance } from 'fastify';
import { GATE_SILENT_MS } from '../admission/evidence.ts';
import type { Gates } from '../admission/lease-store.ts';
import type { Reaper } from '../admission/reaper.ts';
import { tally } from '../admission/tally.ts';
import { byProxy } from '../fleet/by-proxy.ts';
import type { FleetSnapshot, FleetView } from '../fleet/fleet-view.ts';
import { LISTED_MAX } from '../fleet/fullest.ts';
import type { ProxiesBody, ProxyBody } from './bodies.ts';
import { unknownKey } from './named-pods.ts';
import { sendAway, sendProblem } from './problem.ts';
import { needs } from './scopes.ts';
import { isoTime } from './time.ts';

export interface ProxyRouteParts {
  readonly fleet: FleetView;
  readonly reaper: Reaper;
}

export function proxyRoutes(app: FastifyInstance, { fleet, reaper }: ProxyRouteParts): void {
  app.get<{ Querystring: Record<string, unknown> }>('/v1/proxies', needs('read'), async ({ query }, reply) => {
    const wrong = unknownKey(query, []);
    if (wrong !== undefined) return sendProblem(reply, 400, wrong);
    const [snapshot, gates] = await Promise.all([fleet.snapshot(), fleet.gates()]);
    if (!snapshot.ok) return sendAway(reply, snapshot);
    if (!gates.ok) return sendAway(reply, gates);
    const proxies = keptOf(snapshot.value, heldBy(gates.value), reaper.unspoken);
    return { time: isoTime(snapshot.value.timeMs), proxies: proxies.slice(0, LISTED_MAX) } satisfies ProxiesBody;
  });
}

/** By proxy, all gates that are there together. */
function heldBy({ timeMs, gates }: Gates): ReadonlyMap<string, number> {
  const held = new Map<string, number>();
  for (const { seenMs, about } of gates) {
    if (timeMs - seenMs > GATE_SILENT_MS) continue;
    for (const [proxy, count] of Object.entries(about?.held ?? {})) tally(held, proxy, count);
  }
  return held;
}

/** What is read is of about one time: a part is never more than the whole. */
function keptOf(
  { pods }: FleetSnapshot,
  streams: ReadonlyMap<string, number>,
  unspoken: ReadonlyMap<string, number> | undefined,
): ProxyBody[] {
  const bodies = [...byProxy(pods)].map(([proxy, connections]) => {
    const held = Math.min(streams.get(proxy) ?? 0, connections);
    const unrenewed = unspoken ? Math.min(unspoken.get(proxy) ?? 0, connections - held) : null;
    return { proxy, connections, held, renewed: unrenewed === null ? null : connections - held - unrenewed, unrenewed };
  });
  return bodies.sort((a, b) => b.connections - a.connections);
}
