/** `/v1/limits` tells which limits somebody has changed while the fleet runs, and changes them. `/v1/audit` tells who did what. */

import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Access } from '../access.ts';
import { type PodId, parsePodId } from '../admission/ids.ts';
import type { LeaseStore } from '../admission/lease-store.ts';
import type { LimitSource } from '../admission/limit-source.ts';
import { AUDIT_MAX } from '../admission/override.ts';
import type { Overrides } from '../admission/overrides.ts';
import type { CrowdClosings } from '../fleet/crowd-closings.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import { firstMistake } from '../hub/protocol.ts';
import type { AuditBody, LimitBody, OverridesBody } from './bodies.ts';
import { crowdBody } from './closings.ts';
import { noPodId, shown, unknownKey } from './named-pods.ts';
import { entryBody, overrideBody, refusalOf } from './override-bodies.ts';
import { sendAway, sendProblem } from './problem.ts';
import { CLOSE_RATE, reasonText, whole } from './request-body.ts';
import { needs } from './scopes.ts';

export interface LimitRouteParts {
  readonly overrides: Overrides;
  readonly limits: LimitSource;
  readonly store: LeaseStore;
  readonly fleet: FleetView;
  readonly crowdClosings: CrowdClosings;
  readonly access: Access;
}

const AUDIT_DEFAULT = 100;
const CONNECTIONS_MAX = 1_000_000;
const SECONDS_MAX = 30 * 24 * 60 * 60;

/** For Envoy's access log. */
const OVER_LIMIT = 'over_limit';

const setting = z.strictObject({
  connections: whole(0, CONNECTIONS_MAX),
  forSeconds: whole(1, SECONDS_MAX).exactOptional(),
  reason: reasonText.exactOptional(),
  close: z.enum(['oldest', 'newest'], 'oldest or newest').exactOptional(),
});

export function limitRoutes(
  app: FastifyInstance,
  { overrides, limits, store, fleet, crowdClosings, access }: LimitRouteParts,
): void {
  const limitBody = (pod: PodId): LimitBody => ({
    pod,
    limit: limits.of(pod),
    configured: limits.configured(pod),
    overrides: overrides.of(pod).map(overrideBody),
  });

  app.get<{ Querystring: Record<string, unknown> }>('/v1/limits', needs('read'), async ({ query }, reply) => {
    const wrong = unknownKey(query, []);
    if (wrong !== undefined) return sendProblem(reply, 400, wrong);
    const all = overrides.all().toSorted((a, b) => (a.pod < b.pod ? -1 : 1));
    return { overrides: all.map(overrideBody) } satisfies OverridesBody;
  });

  app.get<{ Params: { pod: string } }>('/v1/limits/pods/:pod', needs('read'), async ({ params }, reply) => {
    const pod = parsePodId(params.pod);
    return pod ? limitBody(pod) : sendProblem(reply, 400, noPodId(params.pod));
  });

  app.put<{ Params: { pod: string }; Body: unknown }>(
    '/v1/limits/pods/:pod',
    needs('operate'),
    async ({ params, body, headers }, reply) => {
      const pod = parsePodId(params.pod);
      if (!pod) return sendProblem(reply, 400, noPodId(params.pod));
      const { data, error } = setting.safeParse(body);
      if (error) return sendProblem(reply, 400, firstMistake(error));
      const { connections, forSeconds, close: first, ...reason } = data;
      const decision = { by: access.authorOf(headers), connections, ...reason };
      const lasts = forSeconds === undefined ? {} : { forMs: 1000 * forSeconds };
      const note = { action: 'limit.set', pod, ...decision } as const;
      const known = await fleet.knows(pod);
      if (!known.ok) return sendAway(reply, known);
      const unknown = known.value ? {} : { unknown: true as const };
      const refusal = refusalOf(reply, pod, await overrides.change({ kind: 'limit', pod, decision, ...lasts, note }));
      if (refusal || !first) return refusal ?? { ...limitBody(pod), ...unknown };
      const counts = await store.fleet([pod]);
      if (!counts.ok) return sendAway(reply, counts);
      const max = Math.max(0, (counts.value.pods[0]?.connections ?? 0) - connections);
      const how = { by: decision.by, reason: OVER_LIMIT, rate: CLOSE_RATE };
      const closed = await crowdClosings.close({ pod, max, first }, how);
      if (!closed.ok) return sendAway(reply, closed);
      return { ...limitBody(pod), ...unknown, closing: crowdBody(closed.value, CLOSE_RATE) } satisfies LimitBody;
    },
  );

  app.delete<{ Params: { pod: string } }>(
    '/v1/limits/pods/:pod',
    needs('operate'),
    async ({ params, headers }, reply) => {
      const pod = parsePodId(params.pod);
      if (!pod) return sendProblem(reply, 400, noPodId(params.pod));
      const note = { action: 'limit.deleted', by: access.authorOf(headers), pod } as const;
      const answer = await overrides.change({ kind: 'limit', pod, note });
      return refusalOf(reply, pod, answer) ?? limitBody(pod);
    },
  );

  app.get<{ Querystring: { limit?: string } }>('/v1/audit', needs('read'), async ({ query }, reply) => {
    const wrong = unknownKey(query, ['limit']);
    if (wrong !== undefined) return sendProblem(reply, 400, wrong);
    const max = Number(query.limit ?? AUDIT_DEFAULT);
    if (!Number.isInteger(max) || max < 1 || max > AUDIT_MAX) {
      return sendProblem(reply, 400, `limit is ${shown(query.limit)}: expected a whole number from 1 to ${AUDIT_MAX}`);
    }
    const answer = await store.audit(max);
    if (!answer.ok) return sendAway(reply, answer);
    return { entries: answer.value.map(entryBody) } satisfies AuditBody;
  });
}
