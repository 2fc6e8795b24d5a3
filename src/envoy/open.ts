/** Puts Envoy's side together, by the configuration: the doors, the gRPC server that has them, the retreat from it. */

import type { Logger } from 'pino';
import type { Events } from '../admission/events.ts';
import type { Gate } from '../admission/gate.ts';
import type { LeaseStore } from '../admission/lease-store.ts';
import type { Ledger } from '../admission/ledger.ts';
import type { Standing } from '../admission/standing.ts';
import { keepaliveOf } from '../config/derived.ts';
import type { Config } from '../config/schema.ts';
import type { AccessLogParts } from './doors/access-log.ts';
import { openDoors } from './doors.ts';
import type { Certificates } from './grpc/certificates.ts';
import { Keepalives } from './grpc/keepalives.ts';
import { GrpcServer } from './grpc/server.ts';
import { PodSources } from './pod-sources.ts';
import { ProxyNames } from './proxy-name.ts';
import { Retreat } from './retreat.ts';

export interface EnvoyParts extends Pick<AccessLogParts, 'counted' | 'reached'> {
  readonly store: LeaseStore;
  readonly standing: Standing;
  readonly events: Events;
  readonly gate: Gate;
  readonly ledger: Ledger;
  readonly log: Logger;
}

export interface EnvoySide {
  readonly grpc: GrpcServer;
  readonly retreat: Retreat;
}

/** `tls`: the certificates of `listen.tls`, if there is that key. */
export function openEnvoySide(config: Config, tls: Certificates | undefined, parts: EnvoyParts): EnvoySide {
  const { listen, lease, pods, proxy } = config;
  const keepalives = new Keepalives();
  const doors = openDoors(config, {
    ...parts,
    keepalives,
    pods: new PodSources(pods.from),
    proxies: new ProxyNames(proxy),
  });
  const keepalive = keepaliveOf(config);
  const grpc = new GrpcServer(
    { ...parts, doors, keepalives },
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
      keepaliveMs: keepalive.everyMs,
      keepaliveTimeoutMs: keepalive.timeoutMs,
    },
  );
  return { grpc, retreat: new Retreat({ ...parts, grpc }, lease.ttl / 4) };
}
