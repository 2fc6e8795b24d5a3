/** The HTTP server: metrics and health for machines, `/v1` for scripts, the dashboard for people. */

import type { IncomingMessage } from 'node:http';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  LogController,
  type RouteShorthandOptions,
} from 'fastify';
import type { Access } from '../access.ts';
import type { Hub } from '../hub/hub.ts';
import { Connections } from '../net/connections.ts';
import { Quota } from '../net/quota.ts';
import type { Readiness } from '../readiness.ts';
import type { ReadinessBody } from './bodies.ts';
import { type ClosingRouteParts, closingRoutes } from './closings.ts';
import { compressAnswers } from './compression.ts';
import { type CordonRouteParts, cordonRoutes } from './cordons.ts';
import { corsHook } from './cors.ts';
import { dashboardRoutes } from './dashboard.ts';
import { BODY_TYPES, eventRoutes } from './events.ts';
import { sendMetrics } from './exposition.ts';
import { FleetMetrics } from './fleet-metrics.ts';
import type { GateMetrics } from './gate-metrics.ts';
import { gateRoutes } from './gates.ts';
import { historyRoutes } from './history.ts';
import type { LastHour } from './last-hour.ts';
import { type LimitRouteParts, limitRoutes } from './limits.ts';
import { Methods } from './methods.ts';
import { type PodRouteParts, podRoutes } from './pods.ts';
import { sendAway, sendProblem } from './problem.ts';
import { type ProxyRouteParts, proxyRoutes } from './proxies.ts';
import { checkScopes, needs } from './scopes.ts';
import { type ServiceRouteParts, serviceRoutes } from './services.ts';
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

export interface HttpServerParts
  extends PodRouteParts,
    ServiceRouteParts,
    ProxyRouteParts,
    LimitRouteParts,
    CordonRouteParts,
    ClosingRouteParts {
  readonly metrics: GateMetrics;
  readonly readiness: () => Readiness;
  readonly access: Access;
  /** Absent when it is turned off. */
  readonly hub: Hub | undefined;
  /** Absent without a hub. */
  readonly lastHour: LastHour | undefined;
  readonly log: FastifyBaseLogger;
  /** Called with the key of a bound that was reached. */
  readonly reached: (key: string) => void;
}

/** No path is longer than a pod and a lease. */
const PARAM_LENGTH_MAX = 1200;
/** How often Node looks for requests that take too long. */
const LOOK_MS = 1000;

/** Bodies are read by zod. Without this, fastify loads ajv at each start: some 50 ms and 5 MiB. */
const NO_SCHEMAS = { buildValidator: refuseSchema, buildSerializer: refuseSchema };

function refuseSchema(): never {
  throw new Error('a route has a schema for ajv: zod is used here');
}

export function createHttpServer(parts: HttpServerParts, options: HttpServerOptions): FastifyInstance {
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
    schemaController: { compilersFactory: NO_SCHEMAS },
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
  checkScopes(app, parts.access);
  compressAnswers(app);
  app.register(async (scope) => {
    healthRoutes(scope, parts, needs(open.includes('health') ? 'none' : 'read'));
    metricRoutes(scope, parts, needs(open.includes('metrics') ? 'none' : 'read'));
    podRoutes(scope, parts);
    limitRoutes(scope, parts);
    cordonRoutes(scope, parts);
    closingRoutes(scope, parts);
    serviceRoutes(scope, parts);
    gateRoutes(scope, parts.fleet);
    proxyRoutes(scope, parts);
    hubRoutes(scope, parts);
  });
  parts.hub?.attach(app.server);
  return app;
}

function healthRoutes(app: FastifyInstance, { readiness }: HttpServerParts, access: RouteShorthandOptions): void {
  app.get('/healthz', access, async () => ({ status: 'ok' }));
  app.get('/readyz', access, async (_request, reply) => {
    const now = readiness();
    return reply.code(now.ready ? 200 : 503).send(now satisfies ReadinessBody);
  });
}

function metricRoutes(app: FastifyInstance, { metrics, fleet }: HttpServerParts, access: RouteShorthandOptions): void {
  const fleetMetrics = new FleetMetrics();
  app.get('/metrics', access, async (request, reply) => sendMetrics(request, reply, await metrics.render()));
  app.get('/websocket/metrics', access, async (request, reply) => {
    const answer = await fleet.snapshot();
    if (!answer.ok) return sendAway(reply, answer);
    return sendMetrics(request, reply, await fleetMetrics.render(answer.value));
  });
}

function hubRoutes(app: FastifyInstance, { hub, access, lastHour }: HttpServerParts): void {
  if (!hub) {
    app.get('/', needs('none'), (_request, reply) =>
      sendProblem(reply, 404, 'no dashboard without the hub: hub.enabled'),
    );
    return;
  }
  for (const path of hub.paths) {
    app.get(path, needs('none'), (_request, reply) =>
      sendProblem(reply.headers({ upgrade: 'websocket' }), 426, `${path} is a WebSocket`),
    );
  }
  eventRoutes(app, { hub, access });
  if (lastHour) historyRoutes(app, lastHour);
  dashboardRoutes(app);
}

function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}
