/** A pod that is to take no new connections: `/v1/pods/{pod}/cordon`. And one of which they are closed: `/v1/pods/{pod}/drain`. */

import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Access } from '../access.ts';
import { type PodId, parsePodId } from '../admission/ids.ts';
import type { LeaseStore } from '../admission/lease-store.ts';
import type { AuditNote, Override, OverrideChange } from '../admission/override.ts';
import type { Overrides } from '../admission/overrides.ts';
import { DRAIN_REASON, type Drains } from '../fleet/drains.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import { firstMistake } from '../hub/protocol.ts';
import { noPodId } from './named-pods.ts';
import { overrideBody, refusalOf } from './override-bodies.ts';
import { sendAway, sendProblem } from './problem.ts';
import { CLOSE_RATE, closeRate, reasonText } from './request-body.ts';
import { needs } from './scopes.ts';

export interface CordonRouteParts {
  readonly store: LeaseStore;
  readonly overrides: Overrides;
  readonly fleet: FleetView;
  readonly drains: Drains;
  readonly access: Access;
}

const cordoning = z.strictObject({ reason: reasonText.exactOptional() });
const draining = z.strictObject({ reason: reasonText.exactOptional(), rate: closeRate.prefault(CLOSE_RATE) });

interface Asked {
  Params: { pod: string };
  Body: unknown;
}

export function cordonRoutes(
  app: FastifyInstance,
  { store, overrides, fleet, drains, access }: CordonRouteParts,
): void {
  const cordonOf = (pod: PodId) => overrides.of(pod).find(({ kind }) => kind === 'cordon');
  const change = async (reply: FastifyReply, asked: Omit<OverrideChange, 'kind'>) => {
    const answer = await overrides.change({ kind: 'cordon', ...asked });
    const refusal = refusalOf(reply, asked.pod, answer);
    if (refusal) return refusal;
    const cordon = cordonOf(asked.pod);
    return cordon ? overrideBody(cordon) : reply.code(204).send();
  };
  /** A name that is misspelled would protect nothing. */
  const decide = async (reply: FastifyReply, asked: Omit<OverrideChange, 'kind'>) => {
    const known = await fleet.knows(asked.pod);
    if (!known.ok) return sendAway(reply, known);
    const answered = await change(reply, asked);
    return known.value || reply.statusCode >= 400 ? answered : { ...answered, unknown: true };
  };
  /** Takes back what a drain has asked for, when it is over. */
  const endDrain = async (reply: FastifyReply, asked: Omit<OverrideChange, 'kind'>, before: Override | undefined) => {
    const answered = await change(reply, asked);
    if (!before?.decision?.drain || reply.statusCode >= 400) return answered;
    const kept = await store.keepOpen(asked.pod, DRAIN_REASON);
    return kept.ok ? answered : sendAway(reply, kept);
  };

  app.put<Asked>('/v1/pods/:pod/cordon', needs('operate'), async ({ params, body, headers }, reply) => {
    const pod = parsePodId(params.pod);
    if (!pod) return sendProblem(reply, 400, noPodId(params.pod));
    const { data, error } = cordoning.safeParse(body ?? {});
    if (error) return sendProblem(reply, 400, firstMistake(error));
    if (cordonOf(pod)?.decision?.drain) {
      return sendProblem(reply, 409, `${pod} is cordoned and drained: DELETE /v1/pods/{pod}/drain stops the drain`);
    }
    const decision = { by: access.authorOf(headers), ...data };
    return decide(reply, { pod, decision, note: { action: 'pod.cordoned', pod, ...decision } });
  });

  app.delete<Asked>('/v1/pods/:pod/cordon', needs('operate'), async ({ params, headers }, reply) => {
    const pod = parsePodId(params.pod);
    if (!pod) return sendProblem(reply, 400, noPodId(params.pod));
    const note: AuditNote = { action: 'pod.uncordoned', by: access.authorOf(headers), pod };
    return endDrain(reply, { pod, note }, cordonOf(pod));
  });

  app.put<Asked>('/v1/pods/:pod/drain', needs('operate'), async ({ params, body, headers }, reply) => {
    const pod = parsePodId(params.pod);
    if (!pod) return sendProblem(reply, 400, noPodId(params.pod));
    const { data, error } = draining.safeParse(body ?? {});
    if (error) return sendProblem(reply, 400, firstMistake(error));
    const { rate, ...reason } = data;
    const by = access.authorOf(headers);
    const decision = { by, ...reason, drain: { rate, asked: 0, nextMs: 0 } };
    if (cordonOf(pod)?.decision?.drain) await store.keepOpen(pod, DRAIN_REASON); // it goes on at the new pace
    const answered = await decide(reply, { pod, decision, note: { action: 'pod.draining', by, pod, rate, ...reason } });
    drains.look();
    return answered;
  });

  app.delete<Asked>('/v1/pods/:pod/drain', needs('operate'), async ({ params, headers }, reply) => {
    const pod = parsePodId(params.pod);
    if (!pod) return sendProblem(reply, 400, noPodId(params.pod));
    const cordon = cordonOf(pod);
    if (!cordon?.decision?.drain) return sendProblem(reply, 404, `${pod}: no drain to stop`);
    const { drain: _drain, ...decision } = cordon.decision;
    const note: AuditNote = { action: 'drain.stopped', by: access.authorOf(headers), pod };
    return endDrain(reply, { pod, decision, note }, cordon);
  });
}
