/** `/v1/gates` tells which gates the fleet has. */

import type { FastifyInstance } from 'fastify';
import { GATE_SILENT_MS } from '../admission/evidence.ts';
import type { MemberGate } from '../admission/lease-store.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import type { GateBody, GatesBody } from './bodies.ts';
import { unknownKey } from './named-pods.ts';
import { sendAway, sendProblem } from './problem.ts';
import { needs } from './scopes.ts';
import { isoTime } from './time.ts';

export function gateRoutes(app: FastifyInstance, fleet: FleetView): void {
  app.get<{ Querystring: Record<string, unknown> }>('/v1/gates', needs('read'), async ({ query }, reply) => {
    const wrong = unknownKey(query, []);
    if (wrong !== undefined) return sendProblem(reply, 400, wrong);
    const answer = await fleet.gates();
    if (!answer.ok) return sendAway(reply, answer);
    const { timeMs, gates } = answer.value;
    const bodies = gates.map((gate) => gateBody(gate, timeMs));
    return {
      time: isoTime(timeMs),
      gates: bodies.sort((a, b) => (a.name < b.name ? -1 : 1)),
    } satisfies GatesBody;
  });
}

function gateBody({ gate, seenMs, about }: MemberGate, timeMs: number): GateBody {
  return {
    name: gate,
    version: about?.version ?? null,
    node: about?.node ?? null,
    started_at: about ? isoTime(about.startedMs) : null,
    silent: timeMs - seenMs > GATE_SILENT_MS,
    last_seen: isoTime(seenMs),
  };
}
