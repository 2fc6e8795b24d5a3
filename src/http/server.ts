/** The HTTP server: metrics and health for machines, `/v1` for scripts, the dashboard for people. */

import type { IncomingMessage } from 'node:http';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Access } from '../access.ts';
import type { Hub } from '../hub/hub.ts';
import { Connections } from '../net/connections.ts';
import { Quota } from '../net/quota.ts';
import type { Readiness } from '../readiness.ts';
import type { ReadinessBody } from './bodies.ts';
import { corsHook } from './cors.ts';
import { dashboardRoutes } from './dashboard.ts';
import { BODY_TYPES, eventRoutes } from './events.ts';
import { FleetMetrics } from './fleet-metrics.ts';
import type { GateMetrics } from './gate-metrics.ts';
import { historyRoutes } from './history.ts';
import type { LastHour } from './last-hour.ts';
import { Methods } from './methods.ts';
import { type PodRouteParts, podRoutes } from './pods.ts';
import { sendProblem } from './problem.ts';
import { checkScopes, needs } from './scopes.ts';
import { refuseUnreadable } from './unreadable.ts';

export interface HttpServerOptions {
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  /** Maximum length of the path and the headers together. */
  readonly headerBytesMax: number;
  readonly bodyBytesMax: number;
  /** How long a request may take to arrive, in milliseconds. */
  readonly requestTimeout: number;
  /** What is reachable without a token. */
  readonly open: readonly ('metrics' | 'health')[];
  /** Whose web pages may use the API, beside the gate's own. */
  readonly origins: readonly string[];
}

/** No path is longer than a pod and a lease. */
const PARAM_LENGTH_MAX = 1200;
/** How often Node looks for requests that take too long. */
const LOOK_MS = 1000;

export function createHttpServer(
  parts: PodRouteParts & {
    metrics: GateMetrics;
    readiness: () => Readiness;
    access: Access;
    /** Absent when it is turned off. */
    hub: Hub | undefined;
    /** Absent without a hub. */
    lastHour: LastHour | undefined;
    log: FastifyBaseLogger;
    /** Called with the key of a bound that was reached. */
    reached: (key: string) => void;
  },
  options: HttpServerOptions,
): FastifyInstance {
  const { open, origins, requestTimeout } = options;
  const app = fastify({
    loggerInstance: parts.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyBytesMax,
    http: {
      maxHeaderSize: options.headerBytesMax,
      headersTimeout: requestTimeout,
      connectionsCheckingInterval: Math.min(LOOK_MS, requestTimeout),
      // A server may ignore offers of other protocols, such as h2c.
      ...(parts.hub ? { shouldUpgradeCallback: isWebSocket } : {}),
    },
    requestTimeout,
    connectionTimeout: requestTimeout * 3,
    clientErrorHandler: refuseUnreadable(parts.reached, parts.log),
    forceCloseConnections: true,
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    // Errors before routing, such as a broken escape in the path.
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, error.statusCode ?? 400, error.message),
  });
  const methods = new Methods(app);
  app.setNotFoundHandler((request, reply) => {
    const { method, url } = request;
    const allowed = methods.of(url);
    if (allowed.length === 0) return sendProblem(reply, 404, `there is no ${url}`);
    const allow = allowed.join(', ');
    return sendProblem(reply.header('allow', allow), 405, `${method} is not for ${url}: expected ${allow}`);
  });
  app.setErrorHandler<Error & { statusCode?: number }>((error, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status === 413) {
      parts.reached('http.bodyBytesMax');
      return sendProblem(reply, 413, 'the body is longer than http.bodyBytesMax');
    }
    if (status === 415) {
      const given = JSON.stringify(request.headers['content-type'] ?? '');
      return sendProblem(reply, 415, `content-type is ${given}: expected ${BODY_TYPES.join(', ')}`);
    }
    if (status < 500) return sendProblem(reply, status, error.message);
    request.log.error({ err: error }, 'a bug: a request failed');
    return sendProblem(reply, 500, 'a bug in wsgate; its log has the details');
  });

  const bounds = { max: options.connectionsMax, perAddressMax: options.connectionsPerAddressMax };
  const connections = new Connections(new Quota('http.connections', bounds), parts.reached);
  connections.bound(app.server);
  // The hub counts its clients itself.
  if (parts.hub) app.server.on('upgrade', ({ socket }) => connections.leave(socket));

  if (origins.length > 0) app.addHook('onRequest', corsHook(origins));
  const { access, hub, lastHour } = parts;
  checkScopes(app, access);
  const health = needs(open.includes('health') ? 'none' : 'all');
  app.get('/healthz', health, async () => ({ status: 'ok' }));
  app.get('/readyz', health, async (_request, reply) => {
    const now = parts.readiness();
    return reply.code(now.ready ? 200 : 503).send(now satisfies ReadinessBody);
  });
  const metrics = needs(open.includes('metrics') ? 'none' : 'all');
  const fleetMetrics = new FleetMetrics();
  app.get('/metrics', metrics, async (_request, reply) => {
    reply.type(parts.metrics.registry.contentType);
    return parts.metrics.render();
  });
  app.get('/websocket/metrics', metrics, async (_request, reply) => {
    const answer = await parts.fleet.snapshot();
    if (!answer.ok) return sendProblem(reply, 503, `the store does not answer: ${answer.detail}`);
    reply.type(fleetMetrics.contentType);
    return fleetMetrics.render(answer.value);
  });
  app.register(async (scope) => {
    podRoutes(scope, parts);
    if (hub) eventRoutes(scope, { hub, access });
    if (lastHour) historyRoutes(scope, lastHour);
  });
  if (hub) {
    serveHub(app, hub);
    dashboardRoutes(app);
  } else {
    app.get('/', needs('none'), (_request, reply) =>
      sendProblem(reply, 404, 'no dashboard without the hub: hub.enabled'),
    );
  }
  return app;
}

function serveHub(app: FastifyInstance, hub: Hub): void {
  hub.attach(app.server);
  for (const path of hub.paths) {
    app.get(path, needs('none'), (_request, reply) =>
      sendProblem(reply.headers({ upgrade: 'websocket' }), 426, `${path} is a WebSocket`),
    );
  }
}

function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}
