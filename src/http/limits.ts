/** `/v1/limits` tells which limits somebody has changed while the fleet runs, and changes them. `/v1/audit` tells who did what. */

import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Access } from '../access.ts';
import { type PodId, parsePodId } from '../admission/ids.ts';
import type { Answer, LeaseStore } from '../admission/lease-store.ts';
import type { LimitSource } from '../admission/limit-source.ts';
import {
  AUDIT_MAX,
  type AuditEntry,
  OVERRIDES_MAX,
  type Overridden,
  type Override,
  type OverrideOutcome,
} from '../admission/override.ts';
import type { Overrides } from '../admission/overrides.ts';
import { firstMistake } from '../hub/protocol.ts';
import type { AuditBody, AuditEntryBody, LimitBody, OverrideBody, OverridesBody } from './bodies.ts';
import { noPodId, shown, unknownKey } from './named-pods.ts';
import { sendAway, sendProblem } from './problem.ts';
import { reasonText } from './reason.ts';
import { needs } from './scopes.ts';
import { isoTime } from './time.ts';

export interface LimitRouteParts {
  readonly overrides: Overrides;
  readonly limits: LimitSource;
  readonly store: LeaseStore;
  readonly access: Access;
}

const AUDIT_DEFAULT = 100;
const CONNECTIONS_MAX = 1_000_000;
const SECONDS_MAX = 30 * 24 * 60 * 60;

function whole(min: number, max: number) {
  const expected = `a whole number from ${min} to ${max}`;
  return z.int(expected).min(min, expected).max(max, expected);
}

const setting = z.strictObject({
  connections: whole(0, CONNECTIONS_MAX),
  forSeconds: whole(1, SECONDS_MAX).exactOptional(),
  reason: reasonText.exactOptional(),
});

export function limitRoutes(app: FastifyInstance, { overrides, limits, store, access }: LimitRouteParts): void {
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
      const { connections, forSeconds, ...reason } = data;
      const decision = { by: access.authorOf(headers), connections, ...reason };
      const lasts = forSeconds === undefined ? {} : { forMs: 1000 * forSeconds };
      const note = { action: 'limit.set', pod, ...decision } as const;
      const answer = await overrides.change({ kind: 'limit', pod, decision, ...lasts, note });
      return refusalOf(reply, pod, answer) ?? limitBody(pod);
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

const REFUSALS: Readonly<Record<Exclude<OverrideOutcome, 'done'>, readonly [status: number, detail: string]>> = {
  none: [404, 'nothing to take back'],
  'too many': [
    409,
    `there are ${OVERRIDES_MAX} overrides already: take some back, or write limits into the configuration`,
  ],
};

/** Undefined where it was done. */
function refusalOf(reply: FastifyReply, pod: PodId, answer: Answer<Overridden>): FastifyReply | undefined {
  if (!answer.ok) return sendAway(reply, answer);
  const { outcome } = answer.value;
  if (outcome === 'done') return undefined;
  const [status, detail] = REFUSALS[outcome];
  return sendProblem(reply, status, `${pod}: ${detail}`);
}

function overrideBody({ kind, pod, atMs, untilMs, decision }: Override): OverrideBody {
  const { by = '', reason = null, connections } = decision ?? {};
  return {
    kind,
    pod,
    ...(connections === undefined ? {} : { connections }),
    by,
    at: isoTime(atMs),
    until: untilMs === undefined ? null : isoTime(untilMs),
    reason,
  };
}

function entryBody({ atMs, ...entry }: AuditEntry): AuditEntryBody {
  return { time: isoTime(atMs), ...entry };
}
