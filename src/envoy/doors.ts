/**
 * The doors: the gRPC services by which Envoy asks for upgrades and tells of connections.
 *
 * To add one, write its file in `doors/`: a class with the methods of `Door`, which reads requests by
 * `doors/request.ts`, asks the gate for upgrades and tells the ledger what it sees of connections. Then add it to the
 * list in `openDoors`. A door is served by grpc-js (`addTo`), or on the HTTP/2 server beneath it (`raw`); where it has both,
 * by the latter.
 */

import type { Server } from '@grpc/grpc-js';
import type { Config } from '../config/schema.ts';
import { Answers } from './answers.ts';
import { AccessLogDoor, type AccessLogParts } from './doors/access-log.ts';
import { Denials } from './doors/denials.ts';
import { ExtAuthzDoor, type ExtAuthzParts } from './doors/ext-authz.ts';
import { HoldDoor } from './doors/hold.ts';
import { UPGRADE } from './doors/request.ts';
import type { RawMethods } from './grpc/raw-calls.ts';
import { HoldAnswers } from './hold-answers.ts';
import { loadDecoders, loadServices } from './protos.ts';

export interface Door {
  /** Adds its service to the server. Called once, before the server listens. */
  addTo?(server: Server): void;
  /** Its methods that are served on the HTTP/2 server itself. */
  readonly raw?: RawMethods;
  /** Resolves when no upgrade waits for its answer. A door that asks for none lacks this. */
  idle?(): Promise<void>;
  /** Ends its streams, which never end by themselves and which Envoy opens again elsewhere. A door without such lacks this. */
  endStreams?(): void;
  /** The gate stops: ends the streams that Envoy never opens again, and sends that. A door without such streams lacks this. */
  letGo?(): Promise<void>;
}

export type DoorParts = Pick<ExtAuthzParts, 'gate' | 'pods' | 'proxies' | 'namesakes' | 'log'> &
  Pick<AccessLogParts, 'ledger' | 'avoidance' | 'keepalives' | 'complaints' | 'counted' | 'reached'>;

interface Doors {
  readonly doors: readonly Door[];
  /** The services may show keys elsewhere now. */
  lookAgain(): void;
}

export function openDoors({ listen, proxy, store, deny }: Config, parts: DoorParts): Doors {
  const { authorization, accessLog, externalProcessor } = loadServices();
  const { looksAt } = parts.pods;
  const decoders = loadDecoders({ ...looksAt, headers: [UPGRADE, ...looksAt.headers] });
  const denials = new Denials(parts.log);
  const options = { denyStatus: deny.status, retryAfterMs: deny.retryAfter };
  const answers = new Answers(authorization.Check.responseSerialize, options);
  const holdAnswers = new HoldAnswers(externalProcessor.Process.responseSerialize, options);
  const storeDeadlineMs = store.url && store.deadline;
  const doors = [
    new ExtAuthzDoor({
      ...parts,
      service: authorization,
      decode: decoders.check,
      answers,
      denials,
      storeDeadlineMs,
      upgradesOnly: proxy.upgradesOnly,
      byGrpcJs: listen.checkServer === 'grpc-js',
      messageBytesMax: listen.messageBytesMax,
    }),
    new AccessLogDoor({ ...parts, service: accessLog, decode: decoders.log, streamsMax: listen.logStreamsMax }),
    new HoldDoor({
      ...parts,
      holds: parts.ledger.holds,
      service: externalProcessor,
      decode: decoders.processing,
      answers: holdAnswers,
      denials,
    }),
  ];
  return { doors, lookAgain: () => decoders.lookAt(parts.pods.looksAt) };
}
