/**
 * Lets web pages of the origins in `http.origins` use the API from a browser (the Fetch standard, 3.2).
 *
 * By hand: it is one comparison and one answer; @fastify/cors adds an OPTIONS route for every path, outside
 * `scopes.ts`.
 */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { varyBy } from './vary.ts';

/** How long a browser may remember the answer. */
const REMEMBER_S = 600;

export function corsHook(origins: readonly string[]) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const { origin } = request.headers;
    varyBy(reply, 'origin'); // also where it is absent: a cache must not give that answer to a page
    if (origin === undefined || !origins.includes(origin)) return undefined;
    reply.header('access-control-allow-origin', origin);
    if (request.method !== 'OPTIONS' || !('access-control-request-method' in request.headers)) return undefined;
    return reply
      .code(204)
      .headers({
        'access-control-allow-methods': 'GET, POST, PUT, DELETE',
        'access-control-allow-headers': 'authorization, content-type',
        'access-control-max-age': String(REMEMBER_S),
      })
      .send();
  };
}
