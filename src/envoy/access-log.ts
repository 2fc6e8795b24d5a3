/**
 * The access log service, `AccessLogService/StreamAccessLogs`: what Envoy says of its connections, made sightings and
 * ends for the ledger. What it says of anything else is ignored, and what makes no sense is counted.
 */

import { type handleClientStreamingCall, type ServerReadableStream, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import {
  type LeaseId,
  leaseId,
  type PodId,
  type ProxyId,
  parseLeaseId,
  parsePodId,
  proxyOf,
} from '../admission/ids.ts';
import type { LogStream, Sighting } from '../admission/ledger/entries.ts';
import type { Ledger } from '../admission/ledger/ledger.ts';
import { PATH_LENGTH_MAX } from './check.ts';
import type { Keepalives } from './keepalives.ts';
import type { HttpAccessLogEntry, StreamAccessLogsMessage, StreamAccessLogsResponse } from './messages.ts';
import { type PodSources, type Sight, withoutQuery } from './pod-sources.ts';
import type { ProxyNames } from './proxy-name.ts';
import { identityOf } from './stream-identity.ts';
import { stringField } from './struct.ts';

type Entry =
  | ({ readonly kind: 'seen' } & Sighting)
  | { readonly kind: 'ended'; readonly pod: PodId; readonly lease: LeaseId }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'malformed'; readonly why: string };

/** Stands in for a message whose bytes could not be decoded. */
export const UNDECODABLE = Symbol('undecodable');
export type LogMessage = StreamAccessLogsMessage | typeof UNDECODABLE;

type LogCall = ServerReadableStream<LogMessage, unknown>;

const IGNORED: Entry = { kind: 'ignored' };
const SWITCHING_PROTOCOLS = 101;

export class AccessLogService {
  readonly #ledger: Ledger;
  readonly #pods: PodSources;
  readonly #log: Logger;
  readonly #proxies: ProxyNames;
  readonly #counted: (kind: Entry['kind']) => void;
  readonly #keepalives: Keepalives;
  readonly #reached: (key: string) => void;
  readonly #streamsMax: number;
  readonly #finishers = new Set<() => void>();

  constructor(
    parts: {
      ledger: Ledger;
      pods: PodSources;
      proxies: ProxyNames;
      keepalives: Keepalives;
      log: Logger;
      counted: (kind: Entry['kind']) => void;
      /** Called with the key of a bound. */
      reached: (key: string) => void;
    },
    /** Of all Envoys. */
    streamsMax: number,
  ) {
    this.#ledger = parts.ledger;
    this.#pods = parts.pods;
    this.#log = parts.log;
    this.#counted = parts.counted;
    this.#keepalives = parts.keepalives;
    this.#proxies = parts.proxies;
    this.#reached = parts.reached;
    this.#streamsMax = streamsMax;
  }

  readonly streamAccessLogs: handleClientStreamingCall<LogMessage, StreamAccessLogsResponse> = (call, callback) => {
    if (this.#finishers.size >= this.#streamsMax) {
      this.#reached('listen.logStreamsMax');
      callback({ code: status.RESOURCE_EXHAUSTED, details: 'listen.logStreamsMax is reached' });
      return;
    }
    let stream: LogStream | undefined;
    const close = () => {
      if (this.#finishers.delete(finish) && stream) this.#ledger.streams.close(stream);
    };
    const finish = () => {
      close();
      callback(null, {});
    };
    this.#finishers.add(finish);
    call.on('end', finish);
    call.on('cancelled', close);
    call.on('error', close);
    call.on('data', (message: LogMessage) => {
      if (message === UNDECODABLE) {
        this.#malformed(call, 'not the bytes of an access log message');
        return;
      }
      // On a stream that we have ended, only ends are news: all else Envoy says again elsewhere.
      const isOpen = this.#finishers.has(finish);
      if (isOpen) stream ??= this.#open(call, message);
      if (stream) for (const entry of message.httpLogs?.logEntry ?? []) this.#take(call, stream, entry, isOpen);
      else this.#malformed(call, 'a log stream that does not tell its proxy');
    });
  };

  /** Ends all log streams: by themselves they never end. Envoy opens new ones, to a gate that listens. */
  endAll(): void {
    for (const finish of this.#finishers) finish();
  }

  #open(call: LogCall, message: StreamAccessLogsMessage): LogStream | undefined {
    const proxy = this.#proxies.of(call, message.identifier?.node?.id);
    const peer = call.getPeer();
    return proxy && this.#ledger.streams.open(proxy, () => this.#keepalives.of(peer));
  }

  #take(call: LogCall, stream: LogStream, logEntry: HttpAccessLogEntry, isOpen: boolean): void {
    const entry = readEntry(logEntry, stream.proxy, this.#pods);
    if (entry.kind === 'malformed') {
      this.#malformed(call, entry.why);
      return;
    }
    if (this.#proxies.certified && entry.kind !== 'ignored' && proxyOf(entry.lease) !== stream.proxy) {
      this.#malformed(call, `of another proxy: ${entry.lease}`);
      return;
    }
    this.#counted(entry.kind);
    if (entry.kind === 'seen' && isOpen) this.#ledger.entries.seen(stream, entry);
    if (entry.kind === 'ended') this.#ledger.releases.ended(entry.pod, entry.lease);
  }

  #malformed(call: LogCall, why: string): void {
    this.#counted('malformed');
    this.#log.debug({ peer: call.getPeer(), why }, 'ignored a malformed access log entry');
  }
}

/**
 * Says what an access log entry means for the count. An entry of a connection that the gate let in carries its lease.
 * One that Envoy let in without an answer carries none, and is named as a Check would have named it.
 */
function readEntry(entry: HttpAccessLogEntry, proxy: ProxyId, pods: PodSources): Entry {
  const common = entry.commonProperties;
  const type = common?.accessLogType;
  const ended = type === 'DownstreamEnd';
  if (!ended && type !== 'DownstreamPeriodic' && type !== 'DownstreamTunnelSuccessfullyEstablished') return IGNORED;

  const code = entry.response?.responseCode?.value;
  const metadata = common?.metadata?.filterMetadata?.['envoy.filters.http.ext_authz'];
  const leaseText = stringField(metadata, 'lease');
  if (leaseText === undefined && !mayHoldUntoldLease(entry, ended, code)) return IGNORED;

  let pod: PodId | undefined;
  let lease: LeaseId | undefined;
  if (leaseText !== undefined) {
    pod = parsePodId(stringField(metadata, 'pod') ?? '');
    lease = parseLeaseId(leaseText);
    if (!pod || !lease) return { kind: 'malformed', why: 'lease metadata that this gate never wrote' };
  } else {
    const stream = identityOf(common?.startTime, common?.downstreamDirectRemoteAddress);
    pod = pods.podOf(sightOf(entry));
    if (!stream || !pod) return { kind: 'malformed', why: 'a WebSocket whose pod or stream cannot be told' };
    lease = leaseId(proxy, stream);
  }
  if (ended) return { kind: 'ended', pod, lease };
  const path = withoutQuery(entry.request?.path ?? '').slice(0, PATH_LENGTH_MAX);
  const state = code === SWITCHING_PROTOCOLS ? 'live' : 'reserved';
  return { kind: 'seen', pod, lease, path, state, periodic: type === 'DownstreamPeriodic' };
}

/**
 * Without lease metadata: an open WebSocket, or the end of one; or the end of a request whose Check was under way when
 * the client left (no code) or whose answer came too late (`ext_authz_error`): the lease may be there all the same.
 */
function mayHoldUntoldLease(entry: HttpAccessLogEntry, ended: boolean, code: number | undefined): boolean {
  if (code === SWITCHING_PROTOCOLS) return true;
  return ended && (code === undefined || code === 0 || entry.response?.responseCodeDetails === 'ext_authz_error');
}

function sightOf({ commonProperties, request }: HttpAccessLogEntry): Sight {
  return {
    routePod: commonProperties?.customTags?.pod,
    contextPod: undefined,
    header: (name) => request?.requestHeaders?.[name],
    // Not the original path: where no route rewrote it, that is whatever the client claims it to be.
    path: request?.path,
    host: request?.authority,
  };
}
