/** `/v1/history` tells the last hour of the pods' counts and of the fleet's rates, as this gate saw it. */

import type { FastifyInstance } from 'fastify';
import type { HistoryBody } from './bodies.ts';
import type { LastHour } from './last-hour.ts';
import { namedPods, unknownKey } from './named-pods.ts';
import { sendProblem } from './problem.ts';
import { needs } from './scopes.ts';
import { isoTime } from './time.ts';

export function historyRoutes(app: FastifyInstance, lastHour: LastHour): void {
  app.get<{ Querystring: { pods?: string | string[] } }>('/v1/history', needs('read'), async ({ query }, reply) => {
    const wrong = unknownKey(query, ['pods']);
    if (wrong !== undefined) return sendProblem(reply, 400, wrong);
    const asked = query.pods === undefined ? { names: undefined } : namedPods(query.pods);
    if ('mistake' in asked) return sendProblem(reply, 400, asked.mistake);
    const { timeMs, stepMs, sinceMs, pods, rates } = lastHour.of(asked.names);
    return {
      time: isoTime(timeMs),
      stepSeconds: stepMs / 1000,
      since: isoTime(sinceMs),
      pods: Object.fromEntries(pods),
      rates,
    } satisfies HistoryBody;
  });
}
