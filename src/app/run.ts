/**
 * The order in which the parts of a gate start and stop. It matters: a part that is moved may lose leases or upgrades.
 */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Domain } from '../admission/domain.ts';
import type { Events } from '../admission/events.ts';
import type { Overrides } from '../admission/overrides.ts';
import { type Address, formatAddress } from '../config/address.ts';
import type { Config } from '../config/schema.ts';
import type { EndpointSources } from '../endpoints/endpoint-sources.ts';
import type { EnvoySide } from '../envoy/open.ts';
import type { GateMetrics } from '../http/gate-metrics.ts';
import type { GateReadiness } from '../readiness.ts';
import { explain } from '../system-error.ts';
import { within } from '../within.ts';
import type { HttpSide } from './http-side.ts';
import type { OpenedStore } from './store.ts';

export interface GateParts extends EnvoySide, HttpSide, Pick<Domain, 'gate' | 'ledger' | 'reaper' | 'enrolment'> {
  readonly config: Config;
  readonly reconfigure: App['reconfigure'];
  readonly store: OpenedStore;
  readonly events: Events;
  readonly overrides: Overrides;
  readonly sources: EndpointSources;
  readonly metrics: GateMetrics;
  readonly readiness: GateReadiness;
}

export interface App {
  /** Where it listens. */
  readonly grpc: string;
  readonly http: string;
  /** Takes over what can change while it runs (`config/changes.ts`). Undefined: what was read is wrong. */
  reconfigure(config: Config | undefined): void;
  /** Resolves when all has ended, within `stop.deadline`; false if something had to be cut off. */
  stop(): Promise<boolean>;
}

/**
 * For answers that are on their way when everything has been answered. What is open after that never ends by itself: a
 * Watch of the health service, a TLS connection that sends nothing.
 */
const LAST_BYTES_MS = 500;
/**
 * A store that is there has answered by then, and so has what tells the pods of services. A gate that listened before would
 * refuse upgrades, or decide them alone.
 */
const STORE_AT_ONCE_MS = 1000;

/** Rejects when an address cannot be had; then nothing is left open. */
export async function start(parts: GateParts): Promise<App> {
  const {
    config,
    events,
    store,
    ledger,
    reaper,
    readiness,
    grpc,
    http,
    hub,
    lastHour,
    closings,
    overrides,
    drains,
    sources,
  } = parts;
  const { listen } = config;
  try {
    await had('listen.http', listen.http, http.listen({ host: listen.http.host, port: listen.http.port }));
    const heard = new Promise<void>((resolve) =>
      events.on('standingChanged', (_, before) => before === 'catching up' && resolve()),
    );
    ledger.start();
    reaper.start();
    overrides.start();
    await within(STORE_AT_ONCE_MS, Promise.all([heard, sources.spoken]));
    const port = await had('listen.grpc', listen.grpc, grpc.listen());
    store.serves();
    hub?.start();
    lastHour?.start();
    closings.start();
    drains.start();
    grpc.serving(true);
    readiness.phase = 'serving';
    return {
      grpc: formatAddress(listen.grpc.kind === 'tcp' ? { ...listen.grpc, port } : listen.grpc),
      http: http.listeningOrigin,
      reconfigure: parts.reconfigure,
      stop: () => stop(parts),
    };
  } catch (error) {
    await ledger.stop();
    await reaper.stop();
    await close(parts);
    await store.giveBack();
    throw error;
  }
}

async function stop(parts: GateParts): Promise<boolean> {
  const { config, store, readiness, grpc, retreat } = parts;
  const deadlineMs = performance.now() + config.stop.deadline;
  readiness.phase = 'stopping';
  retreat.stop();
  grpc.serving(false);
  const inTime = await within(config.stop.deadline, drain(parts));
  await close(parts); // after it, nothing changes in the store
  const leftMs = Math.max(LAST_BYTES_MS, deadlineMs - performance.now());
  return (await within(leftMs, store.stop(inTime))) && inTime;
}

/** Lets what is under way end, and writes down what the gate knows. */
async function drain({ gate, ledger, reaper, grpc, hub }: GateParts): Promise<void> {
  const hubStopped = hub?.stop();
  const drained = grpc.drain();
  gate.waiting.stop();
  await grpc.idle();
  await ledger.flush();
  grpc.endStreams();
  await grpc.letGo();
  await ledger.stop();
  await reaper.stop();
  await within(LAST_BYTES_MS, drained);
  await hubStopped;
}

async function close({
  metrics,
  grpc,
  retreat,
  http,
  hub,
  lastHour,
  closings,
  overrides,
  drains,
  enrolment,
  sources,
}: GateParts): Promise<void> {
  retreat.stop();
  sources.stop();
  enrolment.stop();
  overrides.stop();
  drains.stop();
  closings.stop();
  lastHour?.stop();
  await hub?.close();
  await http.close();
  grpc.close();
  metrics.close();
}

/** An error that says which address of the configuration it is about. */
async function had<T>(key: string, address: Address, listening: Promise<T>): Promise<T> {
  try {
    return await listening;
  } catch (error) {
    const folder = address.kind === 'unix' ? dirname(address.path) : undefined;
    const why = folder !== undefined && !existsSync(folder) ? `there is no folder ${folder}` : explain(error);
    throw new Error(`${key}: cannot listen on ${formatAddress(address)}: ${why}`);
  }
}
