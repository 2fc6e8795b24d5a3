/** `/v1/pods` tells the counts, and who holds the slots. */

import type { FastifyInstance } from 'fastify';
import { holderOf, type PodId, parseLeaseId, parsePodId } from '../admission/ids.ts';
import type { HeldLease, LeaseStore } from '../admission/lease-store.ts';
import type { Overrides } from '../admission/overrides.ts';
import type { FleetSnapshot, FleetView } from '../fleet/fleet-view.ts';
import type { ConnectionBody, ConnectionsBody, PodBody, PodNowBody, PodsBody } from './bodies.ts';
import { namedPods, noPodId, shown, unknownKey } from './named-pods.ts';
import { overrideBody } from './override-bodies.ts';
import { sendAway, sendProblem } from './problem.ts';
import { needs } from './scopes.ts';
import { isoTime } from './time.ts';

const PAGE_DEFAULT = 100;
const PAGE_MAX = 1000;

export interface PodRouteParts {
  readonly store: LeaseStore;
  readonly overrides: Overrides;
  readonly fleet: FleetView;
}

export function podRoutes(app: FastifyInstance, { store, overrides, fleet }: PodRouteParts): void {
  const podBody = ({ pod, connections, limit, proxies }: FleetSnapshot['pods'][number]): PodBody => {
    const ofPod = overrides.of(pod);
    const decided = ofPod.length === 0 ? {} : { overrides: ofPod.map(overrideBody) };
    return { pod, connections, limit, ...decided, proxies: Object.fromEntries(proxies) };
  };

  app.get<{ Querystring: PodsQuery }>('/v1/pods', needs('read'), async ({ query }, reply) => {
    const asked = parsePodsQuery(query);
    if ('mistake' in asked) return sendProblem(reply, 400, asked.mistake);
    const answer = asked.names ? await fleet.these(asked.names) : await fleet.snapshot();
    if (!answer.ok) return sendAway(reply, answer);
    const { timeMs } = answer.value;
    const pods = answer.value.pods.filter(({ pod }) => pod.includes(asked.contains));
    const total = pods.reduce((sum, { connections }) => sum + connections, 0);
    return { time: isoTime(timeMs), total, pods: pods.slice(0, asked.max).map(podBody) } satisfies PodsBody;
  });

  app.get<{ Params: { pod: string } }>('/v1/pods/:pod', needs('read'), async ({ params }, reply) => {
    const pod = parsePodId(params.pod);
    if (!pod) return sendProblem(reply, 400, noPodId(params.pod));
    const answer = await fleet.these([pod]);
    if (!answer.ok) return sendAway(reply, answer);
    const { timeMs, pods } = answer.value;
    return pods.map((count): PodNowBody => ({ time: isoTime(timeMs), ...podBody(count) }))[0];
  });

  app.get<{ Params: { pod: string }; Querystring: { cursor?: string; limit?: string } }>(
    '/v1/pods/:pod/connections',
    needs('read'),
    async ({ params, query }, reply) => {
      const pod = parsePodId(params.pod);
      if (!pod) return sendProblem(reply, 400, noPodId(params.pod));
      const wrong = unknownKey(query, ['limit', 'cursor']);
      if (wrong !== undefined) return sendProblem(reply, 400, wrong);
      const size = Number(query.limit ?? PAGE_DEFAULT);
      if (!Number.isInteger(size) || size < 1 || size > PAGE_MAX) {
        return sendProblem(reply, 400, `limit is ${shown(query.limit)}: expected a whole number from 1 to ${PAGE_MAX}`);
      }
      const cursor = query.cursor === undefined ? undefined : parseLeaseId(query.cursor);
      if (query.cursor !== undefined && !cursor) {
        return sendProblem(reply, 400, `cursor is ${shown(query.cursor)}: expected the next of an earlier page`);
      }
      const answer = await store.leases(pod, size, cursor);
      if (!answer.ok) return sendAway(reply, answer);
      const { leases, next } = answer.value;
      return { pod, connections: leases.map(connectionBody), next: next ?? null } satisfies ConnectionsBody;
    },
  );
}

/** A key that is given more than once is a list. */
interface PodsQuery {
  readonly pods?: string | string[];
  readonly contains?: string | string[];
  readonly limit?: string;
}

interface PodsAsked {
  /** Only these, as of this moment. */
  readonly names: readonly PodId[] | undefined;
  readonly contains: string;
  readonly max: number;
}

function parsePodsQuery(query: PodsQuery): PodsAsked | { mistake: string } {
  const { pods, contains = '', limit } = query;
  const wrong = unknownKey(query, pods === undefined ? ['pods', 'contains', 'limit'] : ['pods']);
  if (wrong !== undefined) return { mistake: pods === undefined ? wrong : `${wrong}, where pods are named` };
  const max = limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
  if (limit !== undefined && (!Number.isInteger(max) || max < 1)) {
    return { mistake: `limit is ${shown(limit)}: expected a whole number from 1` };
  }
  if (pods === undefined) return { names: undefined, contains: String(contains), max };
  const named = namedPods(pods);
  return 'mistake' in named ? named : { ...named, contains: '', max: Number.POSITIVE_INFINITY };
}

function connectionBody({ lease, holder, held }: HeldLease): ConnectionBody {
  const { proxy, sinceMs, address } = holderOf(lease);
  return {
    lease,
    proxy,
    since: sinceMs === undefined ? null : isoTime(sinceMs),
    client: holder?.client ?? address,
    peer: address,
    path: holder?.path ?? null,
    state: holder?.state ?? null,
    held: held === true,
  };
}
