/** Puts Envoy's side together, by the configuration: the doors, the gRPC server that has them, the retreat from it. */

import type { Services } from '../admission/services.ts';
import type { Config } from '../config/schema.ts';
import { Complaints } from './complaints.ts';
import { type DoorParts, openDoors } from './doors.ts';
import type { Certificates } from './grpc/certificates.ts';
import { Keepalives } from './grpc/keepalives.ts';
import { GrpcServer } from './grpc/server.ts';
import { Namesakes } from './namesakes.ts';
import { PodSources } from './pod-sources.ts';
import { ProxyNames } from './proxy-name.ts';
import { Retreat, type RetreatParts } from './retreat.ts';

type EnvoyParts = Omit<
  DoorParts & RetreatParts,
  'pods' | 'proxies' | 'keepalives' | 'complaints' | 'namesakes' | 'grpc'
> & { readonly services: Services };

export interface EnvoySide {
  readonly grpc: GrpcServer;
  readonly retreat: Retreat;
  /** The services have changed. */
  lookAgain(): void;
}

/** `tls`: the certificates of `listen.tls`, if there is that key. */
export function openEnvoySide(config: Config, tls: Certificates | undefined, parts: EnvoyParts): EnvoySide {
  const pods = new PodSources(config.pods.from, parts.services);
  const proxies = new ProxyNames(config.proxy);
  const keepalives = new Keepalives();
  const complaints = new Complaints(parts.log);
  const namesakes = new Namesakes(complaints);
  const { doors, lookAgain } = openDoors(config, { ...parts, pods, proxies, keepalives, complaints, namesakes });
  const grpc = new GrpcServer({ ...parts, doors, keepalives, complaints, tls }, config);
  return { grpc, lookAgain, retreat: new Retreat({ ...parts, grpc }, config.lease.ttl / 4) };
}
