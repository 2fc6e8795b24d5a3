/**
 * A whole gate, from its configuration. The parts are put together here and in the files that this one calls;
 * `app/run.ts` starts and stops them. A new part is made in `startApp`, and gets its place in the order in
 * `app/run.ts`.
 */

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { openDomain } from './admission/domain.ts';
import { Events } from './admission/events.ts';
import { Limits } from './admission/limits.ts';
import { Overrides } from './admission/overrides.ts';
import { Services } from './admission/services.ts';
import { openHttpSide } from './app/http-side.ts';
import { type App, start } from './app/run.ts';
import { openStore } from './app/store.ts';
import { type Config, keepaliveOf, recoveryOf, reserveOf } from './config/schema.ts';
import { EndpointSources } from './endpoints/endpoint-sources.ts';
import { Certificates } from './envoy/grpc/certificates.ts';
import { openEnvoySide } from './envoy/open.ts';
import { GateMetrics } from './http/gate-metrics.ts';
import { sharing } from './hub/shared.ts';
import { logEvents } from './log.ts';
import { GateReadiness } from './readiness.ts';
import { see } from './see.ts';
import { version } from './version.ts';

export type { App };

/** Starts a gate. Rejects when an address cannot be had or a file cannot be read; nothing is left open then. */
export async function startApp(config: Config, log: Logger): Promise<App> {
  const { lease, outage } = config;
  const gateName = `${hostname()}-${randomBytes(4).toString('hex')}`;
  const tls = config.listen.tls && new Certificates(config.listen.tls, log);
  const share = await sharing(config);
  const events = new Events();
  const metrics = new GateMetrics(events);
  logEvents(events, log, outage.policy);
  const store = await openStore(config, log, {
    changed: (up, detail) => events.emit('storeChanged', up, detail),
    called: (...call) => metrics.storeCalled(...call),
    warned: (kind, detail) =>
      log.warn({ warning: `${kind}: ${detail}`, see: see('store-attention') }, 'the store needs attention'),
  });
  const services = new Services();
  const overrides = new Overrides({ store: store.leases, events });
  const limits = new Limits(config.limits, services, overrides);
  const keepalive = keepaliveOf(config);
  const domain = openDomain(
    { store: store.leases, limits, services, events },
    {
      ...config.ledger,
      ...config.limits,
      ttlMs: lease.ttl,
      reserveMs: reserveOf(config),
      recoveryMs: recoveryOf(config),
      graceMs: lease.grace,
      unrenewedMaxMs: lease.unrenewedMax,
      breakNoticedMs: keepalive.everyMs + keepalive.timeoutMs,
      gate: gateName,
      about: { version: version(), node: process.versions.node, startedMs: Date.now() },
      outage: outage.policy,
    },
  );
  const { enrolment } = domain;
  const sources = new EndpointSources(
    { services, events, changed: (service) => void enrolment.tell(service) },
    config.limits,
  );
  sources.replace(config);
  const readiness = new GateReadiness(domain, events, outage.policy);
  const shared = {
    ...domain,
    overrides,
    metrics,
    log,
    share,
    reached: (key: string) => void events.emit('boundReached', key),
    counted: (kind: string) => metrics.entryRead(kind),
    readiness: () => readiness.now(),
  };
  const envoy = openEnvoySide(config, tls, shared);
  const http = openHttpSide(config, gateName, shared);
  metrics.watch(shared);
  const reconfigure = (changed: Config | undefined) => {
    metrics.configRead(changed !== undefined);
    if (!changed) return;
    limits.replace(changed.limits);
    sources.replace(changed);
    envoy.lookAgain();
    enrolment.tellAll();
    log.level = changed.log.level;
  };
  return start({ ...domain, ...envoy, ...http, config, reconfigure, store, overrides, sources, metrics, readiness });
}
