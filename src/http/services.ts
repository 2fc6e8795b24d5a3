/** `/v1/services` tells the services with their pods: how full each is, and which take new connections. */

import type { FastifyInstance } from 'fastify';
import type { LeaseStore } from '../admission/lease-store.ts';
import type { Services } from '../admission/services.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import { type ServicePod, type ShownService, shownServices } from '../fleet/service-view.ts';
import type { ServiceBody, ServicePodBody, ServicesBody } from './bodies.ts';
import { shown, unknownKey } from './named-pods.ts';
import { sendAway, sendProblem } from './problem.ts';
import { needs } from './scopes.ts';
import { isoTime } from './time.ts';

export interface ServiceRouteParts {
  readonly store: LeaseStore;
  readonly services: Services;
  readonly fleet: FleetView;
}

export function serviceRoutes(app: FastifyInstance, parts: ServiceRouteParts): void {
  app.get<{ Querystring: { limit?: string } }>('/v1/services', needs('read'), async ({ query }, reply) => {
    const wrong = unknownKey(query, ['limit']);
    if (wrong !== undefined) return sendProblem(reply, 400, wrong);
    const max = query.limit === undefined ? Number.POSITIVE_INFINITY : Number(query.limit);
    if (query.limit !== undefined && (!Number.isInteger(max) || max < 1)) {
      return sendProblem(reply, 400, `limit is ${shown(query.limit)}: expected a whole number from 1`);
    }
    const answer = await shownServices(parts);
    if (!answer.ok) return sendAway(reply, answer);
    const { timeMs, services } = answer.value;
    return { time: isoTime(timeMs), services: services.map((each) => serviceBody(each, max)) } satisfies ServicesBody;
  });
}

/** The first so many of its pods. */
function serviceBody({ service, connections, limit, free, pods }: ShownService, max: number): ServiceBody {
  const some = pods.slice(0, max).map(podBody);
  return { service: service.slice(0, -1), connections, limit, free, size: pods.length, pods: some };
}

function podBody({ pod, connections, limit, state, endpoint }: ServicePod): ServicePodBody {
  const free = state === 'leaving' || state === 'cordoned' ? 0 : Math.max(0, limit - connections);
  return { pod, name: endpoint?.name ?? null, zone: endpoint?.zone ?? null, state, connections, limit, free };
}
