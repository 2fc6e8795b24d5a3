/** `POST /v1/events`: events from outside, for the hub's clients. `POST /v1/tickets`: a way in for clients of the hub. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Access } from '../access.ts';
import { type CloudEvent, cloudEvent, EVENT_BYTES_MAX } from '../hub/cloud-event.ts';
import type { Hub } from '../hub/hub.ts';
import { isOwn, OWN_SOURCE } from '../hub/own-source.ts';
import { firstMistake } from '../hub/protocol.ts';
import { sendProblem } from './problem.ts';

const BATCH_MAX = 100;

const fromOutside = cloudEvent
  .refine((event) => !isOwn(event), {
    path: ['source'],
    error: `another source: ${OWN_SOURCE}… is what gates tell themselves`,
  })
  .refine((event) => Buffer.byteLength(JSON.stringify(event)) <= EVENT_BYTES_MAX, {
    error: `at most ${EVENT_BYTES_MAX} bytes`,
  });
const batch = z
  .array(fromOutside, 'a list of events')
  .min(1, 'at least one event')
  .max(BATCH_MAX, `at most ${BATCH_MAX} events`);

export function eventRoutes(app: FastifyInstance, { hub, access }: { hub: Hub; access: Access }): void {
  app.addContentTypeParser(
    ['application/cloudevents+json', 'application/cloudevents-batch+json'],
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  );

  app.post('/v1/events', async ({ body }, reply) => {
    const parsed = Array.isArray(body) ? batch.safeParse(body) : fromOutside.safeParse(body);
    if (!parsed.success) return sendProblem(reply, 400, firstMistake(parsed.error));
    const events: readonly CloudEvent[] = [parsed.data].flat();
    hub.publish(events);
    return reply.code(202).send({ accepted: events.length });
  });

  app.post('/v1/tickets', async ({ headers }: FastifyRequest, reply) => {
    if (!access.needsToken) return sendProblem(reply, 409, 'no tokens are configured: no ticket is needed');
    const [, token = ''] = /^Bearer (\S+)$/i.exec(headers.authorization ?? '') ?? [];
    const { ticket, expires } = hub.tickets.issue(token);
    return reply.header('cache-control', 'no-store').send({ ticket, expires: expires.toISOString() });
  });
}
