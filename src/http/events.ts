/**
 * `GET /v1/events` tells the newest events. `POST /v1/events` takes events from outside, for the hub's clients.
 * `POST /v1/tickets` issues tickets.
 */

import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Access } from '../access.ts';
import { type CloudEvent, cloudEvent, EVENT_BYTES_MAX } from '../hub/events/cloud-event.ts';
import { GATE_SOURCE, isFromGate } from '../hub/events/domain-event.ts';
import type { Hub } from '../hub/hub.ts';
import { firstMistake } from '../hub/protocol.ts';
import { type AcceptedBody, EVENTS_MAX, type EventsBody, type TicketBody } from './bodies.ts';
import { shown, unknownKey } from './named-pods.ts';
import { sendProblem } from './problem.ts';
import { needs } from './scopes.ts';

const LATEST_DEFAULT = 100;
const BATCH_MAX = 100;
const CLOUD_EVENT_TYPES = ['application/cloudevents+json', 'application/cloudevents-batch+json'];
/** Of bodies that are taken. */
export const BODY_TYPES = ['application/json', ...CLOUD_EVENT_TYPES];

const fromOutside = cloudEvent
  .refine((event) => !isFromGate(event), {
    path: ['source'],
    error: `another source: ${GATE_SOURCE}… is what gates tell themselves`,
  })
  .refine((event) => Buffer.byteLength(JSON.stringify(event)) <= EVENT_BYTES_MAX, {
    error: `at most ${EVENT_BYTES_MAX} bytes`,
  });
const batch = z
  .array(fromOutside, 'a list of events')
  .min(1, 'at least one event')
  .max(BATCH_MAX, `at most ${BATCH_MAX} events`);

export function eventRoutes(app: FastifyInstance, { hub, access }: { hub: Hub; access: Access }): void {
  app.addContentTypeParser(CLOUD_EVENT_TYPES, { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'));

  app.get<{ Querystring: { limit?: string } }>('/v1/events', needs('read'), async ({ query }, reply) => {
    const wrong = unknownKey(query, ['limit']);
    if (wrong !== undefined) return sendProblem(reply, 400, wrong);
    const max = Number(query.limit ?? LATEST_DEFAULT);
    if (!Number.isInteger(max) || max < 1 || max > EVENTS_MAX) {
      return sendProblem(reply, 400, `limit is ${shown(query.limit)}: expected a whole number from 1 to ${EVENTS_MAX}`);
    }
    return { events: await hub.latest(max) } satisfies EventsBody;
  });

  app.post('/v1/events', needs('publish'), async ({ body }, reply) => {
    const parsed = Array.isArray(body) ? batch.safeParse(body) : fromOutside.safeParse(body);
    if (!parsed.success) return sendProblem(reply, 400, firstMistake(parsed.error));
    const events: readonly CloudEvent[] = [parsed.data].flat();
    hub.publish(events);
    return reply.code(202).send({ accepted: events.length } satisfies AcceptedBody);
  });

  app.post('/v1/tickets', needs('read'), async ({ headers }, reply) => {
    const token = access.tokenOf(headers);
    if (!token) return sendProblem(reply, 409, 'no tokens are configured: no ticket is needed');
    const { ticket, expires } = hub.tickets.issue(token);
    return reply
      .header('cache-control', 'no-store')
      .send({ ticket, expires: expires.toISOString() } satisfies TicketBody);
  });
}
