/** Puts the side of people and programs together, by the configuration: the HTTP server, and the hub on it. */

import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { Access, tokensOf } from '../access.ts';
import type { Domain } from '../admission/domain.ts';
import type { Events } from '../admission/events.ts';
import type { LeaseStore } from '../admission/lease-store.ts';
import type { LimitSource } from '../admission/limit-source.ts';
import type { Overrides } from '../admission/overrides.ts';
import type { Services } from '../admission/services.ts';
import type { Config } from '../config/schema.ts';
import { Closings } from '../fleet/closings.ts';
import { CrowdClosings } from '../fleet/crowd-closings.ts';
import { Drains } from '../fleet/drains.ts';
import { FleetView } from '../fleet/fleet-view.ts';
import type { GateMetrics } from '../http/gate-metrics.ts';
import { LastHour } from '../http/last-hour.ts';
import { createHttpServer } from '../http/server.ts';
import type { Hub, Shared } from '../hub/hub.ts';
import { openHub } from '../hub/open.ts';
import type { Readiness } from '../readiness.ts';

/** The hub's figures name gates and proxies that need attention: at most so many of each kind. */
const NAMED_MAX = 20;

export interface HttpParts extends Pick<Domain, 'standing' | 'evidence' | 'ledger' | 'reaper'> {
  readonly store: LeaseStore;
  readonly limits: LimitSource;
  readonly overrides: Overrides;
  readonly services: Services;
  readonly events: Events;
  readonly metrics: GateMetrics;
  readonly readiness: () => Readiness;
  /** Opens what hubs share. */
  readonly share: () => Shared;
  /** Called with the key of a bound. */
  readonly reached: (key: string) => void;
  readonly log: Logger;
}

export interface HttpSide {
  readonly http: FastifyInstance;
  readonly hub: Hub | undefined;
  readonly lastHour: LastHour | undefined;
  readonly closings: Closings;
  readonly drains: Drains;
}

/** `gateName`: as other gates and the hub's clients know it. */
export function openHttpSide(config: Config, gateName: string, parts: HttpParts): HttpSide {
  const { store, events, standing, evidence, reaper, metrics } = parts;
  const fleet = new FleetView(parts);
  const access = new Access(tokensOf(config.http.tokens), config.http.origins);
  const hubParts = {
    ...parts,
    fleet,
    access,
    store: () => (!store.up ? 'down' : standing.synced ? 'up' : 'recovering'),
    attendance: () => ({
      gates: reaper.gates,
      silent_gates: [...reaper.silentGates].slice(0, NAMED_MAX),
      unlogged_proxies: [...reaper.unlogged].slice(0, NAMED_MAX),
      unrenewed_proxies: [...evidence.unrenewed.keys()].slice(0, NAMED_MAX),
    }),
    registry: metrics.registry,
  } as const;
  const hub = config.hub.enabled ? openHub(config, gateName, { ...hubParts, ...parts.share() }) : undefined;
  const lastHour = hub && new LastHour({ fleet, told: () => hub.told() });
  const closings = new Closings({ store, ledger: parts.ledger, events });
  const drains = new Drains(parts);
  const crowdClosings = new CrowdClosings({ store, fleet, events });
  const http = createHttpServer(
    { ...parts, fleet, closings, crowdClosings, drains, access, hub, lastHour },
    config.http,
  );
  return { http, hub, lastHour, closings, drains };
}
