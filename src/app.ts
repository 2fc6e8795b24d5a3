/** The one place that puts the parts together, starts them, and stops them in order. */

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { Access, tokensOf } from './access.ts';
import { openDomain } from './admission/domain.ts';
import { Events } from './admission/events.ts';
import type { LeaseStore } from './admission/lease-store.ts';
import { Limits } from './admission/limits.ts';
import { type Address, formatAddress } from './config/address.ts';
import { keepaliveOf, recoveryOf, reserveOf } from './config/derived.ts';
import type { Config } from './config/schema.ts';
import { AccessLogService } from './envoy/access-log.ts';
import { Answers } from './envoy/answers.ts';
import { Certificates } from './envoy/certificates.ts';
import { CheckService, UPGRADE } from './envoy/check.ts';
import { Keepalives } from './envoy/keepalives.ts';
import { PodSources } from './envoy/pod-sources.ts';
import { loadServices } from './envoy/protos.ts';
import { ProxyNames } from './envoy/proxy-name.ts';
import { Retreat } from './envoy/retreat.ts';
import { GrpcServer } from './envoy/server.ts';
import { FleetView } from './fleet/fleet-view.ts';
import { GateMetrics } from './http/gate-metrics.ts';
import { LastHour } from './http/last-hour.ts';
import { createHttpServer } from './http/server.ts';
import { openHub } from './hub/open.ts';
import { logEvents } from './log.ts';
import { readPems } from './net/pem-files.ts';
import { readiness } from './readiness.ts';
import type { LinkEvents } from './redis/link.ts';
import { LeaseFile } from './store/file/lease-file.ts';
import { MemoryStore } from './store/memory.ts';
import { openRedisStore } from './store/redis/open.ts';
import { explain } from './system-error.ts';

export interface App {
  /** Where it listens, once started. */
  readonly grpc: string;
  readonly http: string;
  /** Resolves when all has ended, within `stop.deadline`; false if something had to be cut off. */
  stop(): Promise<boolean>;
}

/**
 * For answers on their way when all has been said. What is open beyond that never ends by itself: a Watch of the health
 * service, a TLS connection that says nothing.
 */
const LAST_BYTES_MS = 500;
/** A store that is there has answered by then. Before, each upgrade would be refused, or admitted alone. */
const STORE_AT_ONCE_MS = 1000;
/** Gates and proxies that the hub's figures name, of those that somebody should look after. */
const NAMED_MAX = 20;

/** Starts a gate. Rejects when an address cannot be had or a file cannot be read; nothing is left open then. */
export async function startApp(config: Config, log: Logger): Promise<App> {
  const { listen } = config;
  const tls = listen.tls && new Certificates(listen.tls, log);
  const events = new Events();
  const metrics = new GateMetrics(events);
  logEvents(events, log);
  const gateName = `${hostname()}-${randomBytes(4).toString('hex')}`;
  const opened = await openStore(config, log, {
    changed: (up, detail) => events.emit('storeChanged', up, detail),
    called: (...call) => metrics.storeCalled(...call),
    warned: (kind, detail) => log.warn({ warning: `${kind}: ${detail}` }, 'the store needs somebody to look after it'),
  });
  const { store } = opened;

  const limits = new Limits(config.limits);
  const { lease, outage } = config;
  const times = {
    ttlMs: lease.ttl,
    reserveMs: reserveOf(config),
    recoveryMs: recoveryOf(config),
    graceMs: lease.grace,
    unrenewedMaxMs: lease.unrenewedMax,
  };
  const { standing, evidence, ledger, gate, reaper } = openDomain(
    { store, limits, events },
    { ...times, ...config.ledger, ...config.limits, gate: gateName, outage: outage.policy },
  );

  const pods = new PodSources(config.pods.from);
  const proxies = new ProxyNames(config.proxy);
  const services = loadServices();
  const answers = new Answers(services.authorization.Check.responseSerialize, {
    denyStatus: config.deny.status,
    retryAfterMs: config.deny.retryAfter,
  });
  const check = new CheckService(
    { gate, pods, proxies, answers, log },
    { storeDeadlineMs: config.store.url && config.store.deadline },
  );
  const reached = (key: string) => void events.emit('boundReached', key);
  const counted = (kind: string) => metrics.entryRead(kind);
  const keepalives = new Keepalives();
  const accessLog = new AccessLogService(
    { ledger, pods, proxies, keepalives, log, counted, reached },
    listen.logStreamsMax,
  );
  const keepalive = keepaliveOf(config);
  const grpc = new GrpcServer(
    { check, accessLog, keepalives, services, log, reached },
    {
      address: listen.grpc,
      ...(tls ? { tls } : {}),
      messageBytesMax: listen.messageBytesMax,
      streamsMax: listen.streamsMax,
      connections: { max: listen.connectionsMax, perAddressMax: listen.connectionsPerAddressMax },
      streamResets: { burst: listen.streamResetBurst, rate: listen.streamResetRate },
      calls: { max: listen.callsMax, perAddressMax: listen.callsPerAddressMax },
      unfinishedBytes: { max: listen.unfinishedBytesMax, perAddressMax: listen.unfinishedBytesPerAddressMax },
      flowControlWindow: listen.flowControlWindow,
      headers: [UPGRADE, ...pods.headers],
      keepaliveMs: keepalive.everyMs,
      keepaliveTimeoutMs: keepalive.timeoutMs,
    },
  );

  const retreat = new Retreat({ store, standing, events, accessLog, grpc }, config.lease.ttl / 4);
  let stopping = false;
  let storeAway = 'not connected yet';
  let storeRefuses: string | undefined;
  events.on('storeChanged', (_up, detail) => {
    storeAway = detail;
  });
  events.on('refused', (detail) => {
    storeRefuses = detail;
  });
  const ready = () =>
    readiness({
      standing,
      policy: outage.policy,
      stopping,
      storeAway,
      storeRefuses,
      unlogged: reaper.unlogged,
      unrenewed: evidence.unrenewed,
    });
  const fleet = new FleetView(store, limits, events);
  const access = new Access(tokensOf(config.http.tokens), config.http.origins);
  const { registry } = metrics;
  const storeState = () => (!store.up ? 'down' : standing.synced ? 'up' : 'recovering');
  const hubParts = {
    events,
    ledger,
    fleet,
    store: storeState,
    attendance: () => ({
      gates: reaper.gates,
      silent_gates: [...reaper.silentGates].slice(0, NAMED_MAX),
      unlogged_proxies: [...reaper.unlogged].slice(0, NAMED_MAX),
      unrenewed_proxies: [...evidence.unrenewed.keys()].slice(0, NAMED_MAX),
    }),
    access,
    registry,
    log,
  } as const;
  const hub = config.hub.enabled ? openHub(config, gateName, hubParts) : undefined;
  const lastHour = config.hub.enabled ? new LastHour(fleet) : undefined;
  const http = createHttpServer(
    { store, ledger, events, fleet, metrics, readiness: ready, access, hub, lastHour, log, reached },
    config.http,
  );

  const close = async () => {
    retreat.stop();
    lastHour?.stop();
    await hub?.close();
    await http.close();
    grpc.close();
    metrics.close();
  };
  metrics.watch({ store, standing, evidence, ledger, reaper });
  try {
    await had('listen.http', listen.http, http.listen({ host: listen.http.host, port: listen.http.port }));
    const heard = new Promise<void>((resolve) =>
      events.on('standingChanged', (_, before) => before === 'catching up' && resolve()),
    );
    ledger.start();
    reaper.start();
    await within(STORE_AT_ONCE_MS, heard);
    const grpcPort = await had('listen.grpc', listen.grpc, grpc.listen());
    opened.serves();
    hub?.start();
    lastHour?.start();
    grpc.serving(true);
    return {
      grpc: formatAddress(listen.grpc.kind === 'tcp' ? { ...listen.grpc, port: grpcPort } : listen.grpc),
      http: http.listeningOrigin,
      stop: async () => {
        const deadlineMs = performance.now() + config.stop.deadline;
        stopping = true;
        retreat.stop();
        grpc.serving(false);
        const orderly = async () => {
          const hubStopped = hub?.stop();
          const drained = grpc.drain();
          await check.idle();
          await ledger.flush();
          accessLog.endAll();
          await ledger.stop();
          await reaper.stop();
          await within(LAST_BYTES_MS, drained);
          await hubStopped;
        };
        const inTime = await within(config.stop.deadline, orderly());
        await close(); // after it, nothing changes in the store
        const leftMs = Math.max(LAST_BYTES_MS, deadlineMs - performance.now());
        return (await within(leftMs, opened.stop(inTime))) && inTime;
      },
    };
  } catch (error) {
    await ledger.stop();
    await reaper.stop();
    await close();
    await opened.giveBack();
    throw error;
  }
}

interface OpenedStore {
  readonly store: LeaseStore;
  /** The gate has started. */
  serves(): void;
  /** Nothing changes in the store any more. `inOrder`: all that the gate knew has been written down in it. */
  stop(inOrder: boolean): Promise<void>;
  /** The gate has not started. */
  giveBack(): Promise<void>;
}

async function openStore({ store, lease }: Config, log: Logger, events: LinkEvents): Promise<OpenedStore> {
  const { url, tls, file, ...rest } = store;
  if (!url) return file === undefined ? alone(new MemoryStore(steadyTime)) : openFile(file, lease.ttl, log);
  return alone(openRedisStore({ ...rest, url, ...(tls ? { tls: readPems('store.tls', tls) } : {}) }, events));
}

function alone(store: LeaseStore): OpenedStore {
  return { store, serves: () => {}, stop: () => store.close(), giveBack: () => store.close() };
}

async function openFile(path: string, ttlMs: number, log: Logger): Promise<OpenedStore> {
  const file = await LeaseFile.open({ path, ttlMs, log });
  const store = new MemoryStore(steadyTime, file.remembered);
  return {
    store,
    serves: () => file.follow(store),
    stop: (inOrder) => file.stop(store, inOrder),
    giveBack: () => file.giveBack(),
  };
}

/** Milliseconds since the epoch, by a clock that nobody sets. */
function steadyTime(): number {
  return performance.timeOrigin + performance.now();
}

/** An error that says which address of the configuration it is about. */
async function had<T>(key: string, address: Address, listening: Promise<T>): Promise<T> {
  try {
    return await listening;
  } catch (error) {
    throw new Error(`${key}: cannot listen on ${formatAddress(address)}: ${explain(error)}`);
  }
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
