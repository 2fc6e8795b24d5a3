/** The one place where the HTTP server checks access: each route names the scope that it needs. */

import type { FastifyInstance } from 'fastify';
import type { Access, Scope } from '../access.ts';
import { sendProblem } from './problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly scope?: Scope | 'none';
  }
}

/** Options of a route. `none`: it is answered without a token. */
export function needs(scope: Scope | 'none') {
  return { config: { scope } };
}

/** For all routes that are added from now on. A route that names no scope is a bug, and the server does not start. */
export function checkScopes(app: FastifyInstance, access: Access): void {
  app.addHook('onRoute', ({ config, method, url }) => {
    if (config?.scope === undefined) throw new Error(`a bug: ${method} ${url} names no scope`);
  });
  app.addHook('onRequest', async ({ headers, is404, routeOptions: { config } }, reply) => {
    if (is404 || config.scope === 'none') return undefined;
    const refusal = access.refusal(headers, config.scope ?? 'operate');
    if (!refusal) return undefined;
    if (refusal.status === 401) reply.header('www-authenticate', 'Bearer realm="wsgate"');
    return sendProblem(reply, refusal.status, refusal.detail);
  });
}
