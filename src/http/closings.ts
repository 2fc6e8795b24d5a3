/** Connections that are to end: one (`/v1/pods/{pod}/connections/{lease}/close`, `/release`), or many (`/v1/connections/close`). */

import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Access } from '../access.ts';
import type { Events } from '../admission/events.ts';
import { type LeaseId, type PodId, parseLeaseId, parsePodId, parseProxyId } from '../admission/ids.ts';
import type { LeaseStore } from '../admission/lease-store.ts';
import type { AuditNote } from '../admission/override.ts';
import type { Closings } from '../fleet/closings.ts';
import { CLOSE_MAX, type CrowdClosed, type CrowdClosings } from '../fleet/crowd-closings.ts';
import { firstMistake } from '../hub/protocol.ts';
import type { CloseBody, CrowdClosingBody, ReleaseBody } from './bodies.ts';
import { noPodId, shown } from './named-pods.ts';
import { sendAway, sendProblem } from './problem.ts';
import { CLOSE_RATE, closeRate, whole } from './request-body.ts';
import { needs } from './scopes.ts';

export interface ClosingRouteParts {
  readonly store: LeaseStore;
  readonly events: Events;
  readonly closings: Closings;
  readonly crowdClosings: CrowdClosings;
  readonly access: Access;
}

const SECONDS_MAX = 365 * 24 * 60 * 60;
const REASON = '1 to 64 of a-z 0-9 _ -';
const reason = z
  .string(REASON)
  .regex(/^[a-z0-9_-]{1,64}$/, REASON)
  .prefault('closed_on_request');
const closing = z.strictObject({ reason });
const crowd = z
  .strictObject({
    pod: z.string('a pod id').exactOptional(),
    proxy: z.string('a proxy id').exactOptional(),
    olderThanSeconds: whole(1, SECONDS_MAX).exactOptional(),
    oldest: whole(1, CLOSE_MAX).exactOptional(),
    newest: whole(1, CLOSE_MAX).exactOptional(),
    rate: closeRate.prefault(CLOSE_RATE),
    reason,
  })
  .refine(({ pod, proxy }) => pod !== undefined || proxy !== undefined, 'pod or proxy, or both')
  .refine(({ oldest, newest }) => oldest === undefined || newest === undefined, 'oldest or newest, not both');

interface OfLease {
  Params: { pod: string; lease: string };
  Body: unknown;
}

export function closingRoutes(app: FastifyInstance, parts: ClosingRouteParts): void {
  const { store, events, closings, crowdClosings, access } = parts;
  const note = async (entry: AuditNote) => {
    const noted = await store.note(entry);
    if (noted.ok) events.emit('audited', noted.value);
  };

  app.post<OfLease>(
    '/v1/pods/:pod/connections/:lease/release',
    needs('operate'),
    async ({ params, headers }, reply) => {
      const named = namesIn(params);
      if ('mistake' in named) return sendProblem(reply, 400, named.mistake);
      const answer = await closings.release(named.pod, named.lease);
      if (!answer.ok) return sendAway(reply, answer);
      if (answer.value.released) await note({ action: 'release.forced', by: access.authorOf(headers), ...named });
      return reply.send(answer.value satisfies ReleaseBody);
    },
  );

  app.post<OfLease>(
    '/v1/pods/:pod/connections/:lease/close',
    needs('operate'),
    async ({ params, body, headers }, reply) => {
      const named = namesIn(params);
      if ('mistake' in named) return sendProblem(reply, 400, named.mistake);
      const { success, data } = closing.safeParse(body ?? {});
      if (!success) return sendProblem(reply, 400, `expected {"reason": "…"}, ${REASON}, or no body`);
      const answer = await closings.close(named.pod, named.lease, data.reason);
      if (!answer.ok) return sendAway(reply, answer);
      if (answer.value.closed) {
        await note({ action: 'close.asked', by: access.authorOf(headers), ...named, reason: data.reason, asked: 1 });
      }
      return reply.send(answer.value satisfies CloseBody);
    },
  );

  app.post<{ Body: unknown }>('/v1/connections/close', needs('operate'), async ({ body, headers }, reply) => {
    const { data, error } = crowd.safeParse(body);
    if (error) return sendProblem(reply, 400, firstMistake(error));
    const pod = data.pod === undefined ? undefined : parsePodId(data.pod);
    if (data.pod !== undefined && !pod) return sendProblem(reply, 400, noPodId(data.pod));
    const proxy = data.proxy === undefined ? undefined : parseProxyId(data.proxy);
    if (data.proxy !== undefined && !proxy) return sendProblem(reply, 400, `${shown(data.proxy)} is no proxy id`);
    const { olderThanSeconds, oldest, newest, rate } = data;
    const answer = await crowdClosings.close(
      {
        ...(pod ? { pod } : {}),
        ...(proxy ? { proxy } : {}),
        ...(olderThanSeconds === undefined ? {} : { olderThanMs: 1000 * olderThanSeconds }),
        max: oldest ?? newest ?? CLOSE_MAX,
        first: newest === undefined ? 'oldest' : 'newest',
      },
      { by: access.authorOf(headers), reason: data.reason, rate },
    );
    return answer.ok ? crowdBody(answer.value, rate) : sendAway(reply, answer);
  });
}

export function crowdBody({ asked, unheld }: CrowdClosed, rate: number): CrowdClosingBody {
  return { asked, seconds: Math.ceil(asked / rate), unheld };
}

function namesIn(params: OfLease['Params']): { pod: PodId; lease: LeaseId } | { mistake: string } {
  const pod = parsePodId(params.pod);
  if (!pod) return { mistake: noPodId(params.pod) };
  const lease = parseLeaseId(params.lease);
  return lease ? { pod, lease } : { mistake: `${shown(params.lease)} is no lease id` };
}
