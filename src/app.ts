/** The one place that puts the parts together, starts them, and stops them in order. */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { Events } from './admission/events.ts';
import { Gate } from './admission/gate.ts';
import type { LeaseStore } from './admission/lease-store.ts';
import { Ledger } from './admission/ledger.ts';
import { Limits } from './admission/limits.ts';
import { Presence } from './admission/presence.ts';
import { Reaper } from './admission/reaper.ts';
import { formatAddress } from './config/address.ts';
import type { Config } from './config/schema.ts';
import { AccessLogService } from './envoy/access-log.ts';
import { CheckService } from './envoy/check.ts';
import { PodSources } from './envoy/pod-sources.ts';
import { GrpcServer, type TlsFiles } from './envoy/server.ts';
import { FleetView } from './http/fleet-view.ts';
import { GateMetrics } from './http/gate-metrics.ts';
import { createHttpServer } from './http/server.ts';
import { logEvents } from './log.ts';
import { MemoryStore } from './store/memory.ts';
import { createRedis } from './store/redis/client.ts';
import { type LinkEvents, RedisLink } from './store/redis/link.ts';
import { RedisStore } from './store/redis/store.ts';

export interface App {
  /** Where it listens, once started. */
  readonly grpc: string;
  readonly http: string;
  /** Resolves when all has ended, within `stop.deadline`; false if something had to be cut off. */
  stop(): Promise<boolean>;
}

/** Starts a gate. Rejects when an address cannot be had or a file cannot be read; nothing is left open then. */
export async function startApp(config: Config, log: Logger): Promise<App> {
  const events = new Events();
  const metrics = new GateMetrics(events);
  logEvents(events, log);
  const gateName = `${hostname()}-${randomBytes(4).toString('hex')}`;
  const store = openStore(config, {
    changed: (up, detail) => events.emit('storeChanged', up, detail),
    called: (...call) => metrics.storeCalled(...call),
  });

  const presence = new Presence();
  const limits = new Limits(config.limits);
  const ledger = new Ledger({ store, presence, events }, { ttlMs: config.lease.ttl, ...config.ledger });
  const gate = new Gate(
    { store, limits, ledger, presence, events },
    { reserveMs: config.lease.reserve, outage: config.outage.policy },
  );
  const reaper = new Reaper(
    { store, ledger, presence, events },
    { gate: gateName, ttlMs: config.lease.ttl, graceMs: config.lease.grace },
  );

  const pods = new PodSources(config.pods.from);
  const check = new CheckService(
    { gate, pods, log },
    { denyStatus: config.deny.status, retryAfterMs: config.deny.retryAfter, proxy: config.proxy.id },
  );
  const accessLog = new AccessLogService(
    { ledger, pods, log, counted: (kind) => metrics.entryRead(kind) },
    config.proxy.id,
  );
  const { listen } = config;
  const grpc = new GrpcServer(
    { check, accessLog },
    {
      address: formatAddress(listen.grpc),
      ...(listen.tls ? { tls: readTls(listen.tls) } : {}),
      messageBytesMax: listen.messageBytesMax,
      streamsMax: listen.streamsMax,
      flowControlWindow: listen.flowControlWindow,
      keepaliveMs: listen.keepalive,
      keepaliveTimeoutMs: listen.keepaliveTimeout,
    },
  );

  let stopping = false;
  const readiness = () => {
    const checks = { store: store.up ? 'ok' : 'the store does not answer', gate: stopping ? 'stopping' : 'ok' };
    return { ready: store.up && !stopping, checks };
  };
  const fleet = new FleetView(store, limits);
  const http = createHttpServer({ store, ledger, events, fleet, metrics, readiness, log }, config.http);

  const close = async () => {
    await http.close();
    grpc.close();
    await store.close();
    metrics.close();
  };
  metrics.watch(store, ledger);
  try {
    await http.listen({ host: listen.http.host, port: listen.http.port });
    const grpcPort = await grpc.listen();
    ledger.start();
    reaper.start();
    grpc.serving(true);
    return {
      grpc: formatAddress(listen.grpc.kind === 'tcp' ? { ...listen.grpc, port: grpcPort } : listen.grpc),
      http: http.listeningOrigin,
      stop: async () => {
        stopping = true;
        grpc.serving(false);
        const orderly = async () => {
          const drained = grpc.drain();
          await check.idle();
          await ledger.flush();
          accessLog.endAll();
          await ledger.stop();
          await reaper.stop();
          await drained;
        };
        const inTime = await within(config.stop.deadline, orderly());
        await close();
        return inTime;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function openStore({ store }: Config, events: LinkEvents): LeaseStore {
  if (!store.url) return new MemoryStore(Date.now);
  const tls = store.tls && {
    ...(store.tls.ca ? { ca: readFileSync(store.tls.ca) } : {}),
    ...(store.tls.cert ? { cert: readFileSync(store.tls.cert) } : {}),
    ...(store.tls.key ? { key: readFileSync(store.tls.key) } : {}),
  };
  const link = new RedisLink(createRedis(store.url, store.deadline, tls), store.deadline, events);
  return new RedisStore(link, { prefix: store.prefix, info: store.info });
}

function readTls({ cert, key, ca }: NonNullable<Config['listen']['tls']>): TlsFiles {
  return { cert: readFileSync(cert), key: readFileSync(key), ...(ca ? { clientCa: readFileSync(ca) } : {}) };
}

async function within(ms: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const inTime = await Promise.race([work.then(() => true), deadline]);
  clearTimeout(timer);
  return inTime;
}
