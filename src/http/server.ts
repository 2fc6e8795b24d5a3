/** The HTTP side: metrics and health for machines, `/v1` for people and scripts. */

import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { accessHook } from './access.ts';
import { FleetMetrics } from './fleet-metrics.ts';
import type { GateMetrics } from './gate-metrics.ts';
import { type PodRouteParts, podRoutes } from './pods.ts';
import { sendProblem } from './problem.ts';

export interface HttpServerOptions {
  readonly tokens: readonly string[];
  /** What is reachable without a token. */
  readonly open: readonly ('metrics' | 'health')[];
}

/** Why the gate cannot serve now; nothing when it can. */
export type Readiness = () => { readonly ready: boolean; readonly checks: Readonly<Record<string, string>> };

/** No body is ever needed; no path is longer than a pod and a lease. */
const BODY_BYTES_MAX = 64 * 1024;
const PARAM_LENGTH_MAX = 1200;
const REQUEST_MS_MAX = 10_000;

export function createHttpServer(
  parts: PodRouteParts & { metrics: GateMetrics; readiness: Readiness; log: FastifyBaseLogger },
  { tokens, open }: HttpServerOptions,
): FastifyInstance {
  const app = fastify({
    loggerInstance: parts.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    connectionTimeout: REQUEST_MS_MAX * 3,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    // Before there is a route to take: a broken escape in the path, say.
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, error.statusCode ?? 400, error.message),
  });
  app.setNotFoundHandler((request, reply) => sendProblem(reply, 404, `there is no ${request.method} ${request.url}`));
  app.setErrorHandler<Error & { statusCode?: number }>((error, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return sendProblem(reply, status, error.message);
    request.log.error({ err: error }, 'a bug: a request failed');
    return sendProblem(reply, 500, 'a bug in wsgate; its log has the details');
  });

  const guard = accessHook(tokens);
  app.register(async (scope) => {
    if (!open.includes('health')) scope.addHook('onRequest', guard);
    scope.get('/healthz', async () => ({ status: 'ok' }));
    scope.get('/readyz', async (_request, reply) => {
      const { ready, checks } = parts.readiness();
      return reply.code(ready ? 200 : 503).send({ ready, checks });
    });
  });
  app.register(async (scope) => {
    if (!open.includes('metrics')) scope.addHook('onRequest', guard);
    const fleetMetrics = new FleetMetrics();
    scope.get('/metrics', async (_request, reply) => {
      reply.type(parts.metrics.registry.contentType);
      return parts.metrics.registry.metrics();
    });
    scope.get('/websocket/metrics', async (_request, reply) => {
      const answer = await parts.fleet.snapshot();
      if (!answer.ok) return sendProblem(reply, 503, `the store does not answer: ${answer.detail}`);
      reply.type(fleetMetrics.contentType);
      return fleetMetrics.render(answer.value);
    });
  });
  app.register(async (scope) => {
    scope.addHook('onRequest', guard);
    podRoutes(scope, parts);
  });
  return app;
}
