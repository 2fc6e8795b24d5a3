/**
 * The access log, `AccessLogService/StreamAccessLogs`: what Envoy tells of its connections becomes sightings and ends
 * for the ledger. Entries of anything else are ignored; malformed ones are counted.
 */

import { type handleClientStreamingCall, type Server, type ServerReadableStream, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { type LeaseId, type PodId, type ProxyId, proxyOf } from '../../admission/ids.ts';
import type { LogStream, Sighting } from '../../admission/ledger/entries.ts';
import type { Ledger } from '../../admission/ledger/ledger.ts';
import { type Complaints, hostOf } from '../complaints.ts';
import type { Keepalives } from '../grpc/keepalives.ts';
import type { HttpAccessLogEntry, StreamAccessLogsMessage, StreamAccessLogsResponse } from '../messages.ts';
import type { PodSources } from '../pod-sources.ts';
import type { AccessLogService, EnvoyDecoders } from '../protos.ts';
import type { ProxyNames } from '../proxy-name.ts';
import { identityOf, startIn } from '../stream-identity.ts';
import { stringField } from '../struct.ts';
import { BLIND, EXT_AUTHZ, toldLease } from '../told-lease.ts';
import { type RequestSight, readUpgrade, shownPath } from './request.ts';

export interface AccessLogParts {
  readonly ledger: Ledger;
  readonly pods: PodSources;
  readonly proxies: ProxyNames;
  readonly keepalives: Keepalives;
  readonly complaints: Complaints;
  readonly service: AccessLogService;
  readonly decode: EnvoyDecoders['log'];
  readonly log: Logger;
  /** Called for each entry. */
  readonly counted: (kind: Entry['kind']) => void;
  /** Called with the key of a bound. */
  readonly reached: (key: string) => void;
  /** Open at once, of all Envoys. */
  readonly streamsMax: number;
}

type Entry =
  | ({ readonly kind: 'seen' } & Sighting)
  | { readonly kind: 'ended'; readonly pod: PodId; readonly lease: LeaseId }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'malformed'; readonly why: string };

/** Stands in for a message whose bytes could not be decoded. */
const UNDECODABLE = Symbol('undecodable');
type LogMessage = StreamAccessLogsMessage | typeof UNDECODABLE;

type LogCall = ServerReadableStream<LogMessage, unknown>;

const IGNORED: Entry = { kind: 'ignored' };
const SWITCHING_PROTOCOLS = 101;

export class AccessLogDoor {
  readonly #parts: AccessLogParts;
  readonly #finishers = new Set<() => void>();

  constructor(parts: AccessLogParts) {
    this.#parts = parts;
  }

  addTo(server: Server): void {
    const { service, decode } = this.#parts;
    const StreamAccessLogs = { ...service.StreamAccessLogs, requestDeserialize: tolerant(decode) };
    server.addService({ StreamAccessLogs }, { StreamAccessLogs: this.#streamAccessLogs });
  }

  /** Ends all log streams. Envoy opens new ones, to a gate that listens. */
  endStreams(): void {
    for (const finish of this.#finishers) finish();
  }

  readonly #streamAccessLogs: handleClientStreamingCall<LogMessage, StreamAccessLogsResponse> = (call, callback) => {
    if (this.#finishers.size >= this.#parts.streamsMax) {
      this.#parts.reached('listen.logStreamsMax');
      callback({ code: status.RESOURCE_EXHAUSTED, details: 'listen.logStreamsMax is reached' });
      return;
    }
    let stream: LogStream | undefined;
    const close = () => {
      if (this.#finishers.delete(finish) && stream) this.#parts.ledger.streams.close(stream);
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
      // On a stream that we have ended, only ends count: all else Envoy tells again on its next stream.
      const isOpen = this.#finishers.has(finish);
      if (isOpen) stream ??= this.#open(call, message);
      if (stream) for (const entry of message.httpLogs?.logEntry ?? []) this.#take(call, stream, entry, isOpen);
      else {
        this.#malformed(call, 'a log stream that does not tell its proxy');
        this.#parts.complaints.say('nameless log', hostOf(call.getPeer()));
      }
    });
  };

  #open(call: LogCall, message: StreamAccessLogsMessage): LogStream | undefined {
    const proxy = this.#parts.proxies.of(call, { node: message.identifier?.node?.id });
    const peer = call.getPeer();
    return proxy && this.#parts.ledger.streams.open(proxy, () => this.#parts.keepalives.of(peer));
  }

  #take(call: LogCall, stream: LogStream, logEntry: HttpAccessLogEntry, isOpen: boolean): void {
    if (isHiddenUpgrade(logEntry)) this.#parts.complaints.say('hidden upgrades', stream.proxy);
    const entry = readEntry(logEntry, stream.proxy, this.#parts.pods);
    if (entry.kind === 'malformed') {
      this.#malformed(call, entry.why);
      return;
    }
    const checks = entry.kind === 'ignored' ? stream.proxy : proxyOf(entry.lease);
    if (checks !== stream.proxy) {
      if (this.#parts.proxies.certified) {
        this.#malformed(call, `of another proxy: ${checks}`);
        return;
      }
      this.#parts.complaints.say('two names', stream.proxy, { accessLog: stream.proxy, checks });
    }
    this.#parts.counted(entry.kind);
    if (entry.kind === 'seen' && isOpen) this.#parts.ledger.entries.seen(stream, entry);
    if (entry.kind === 'ended') this.#parts.ledger.releases.ended(entry.pod, entry.lease);
  }

  #malformed(call: LogCall, why: string): void {
    this.#parts.counted('malformed');
    this.#parts.log.debug({ peer: call.getPeer(), why }, 'ignored a malformed access log entry');
  }
}

/** Bytes that cannot be decoded are counted as one malformed entry, and do not end the stream of all the others. */
function tolerant(decode: EnvoyDecoders['log']): (bytes: Uint8Array) => LogMessage {
  return (bytes) => {
    try {
      return decode(bytes);
    } catch {
      return UNDECODABLE;
    }
  };
}

/**
 * What an access log entry means for the count. An entry of a connection that a gate admitted carries its lease. One
 * that Envoy let through without an answer carries none: it gets the name that a Check would have given it.
 */
function readEntry(entry: HttpAccessLogEntry, proxy: ProxyId, pods: PodSources): Entry {
  const common = entry.commonProperties;
  const type = common?.accessLogType;
  const ended = type === 'DownstreamEnd';
  if (!ended && type !== 'DownstreamPeriodic' && type !== 'DownstreamTunnelSuccessfullyEstablished') return IGNORED;

  const code = entry.response?.responseCode?.value;
  const told = toldLease(common?.metadata, startIn(common?.startTime));
  if (!told && !mayHoldUntoldLease(entry, ended, code)) return IGNORED;

  const reading = told ? { upgrade: told } : readUpgrade(sightOf(entry), proxy, pods);
  if ('missing' in reading) return { kind: 'malformed', why: 'a WebSocket whose pod or stream cannot be told' };
  const { pod, lease } = reading.upgrade;
  if (ended) return { kind: 'ended', pod, lease };
  const state = code === SWITCHING_PROTOCOLS ? 'live' : 'reserved';
  const path = shownPath(entry.request?.path);
  return { kind: 'seen', pod, lease, path, state, periodic: type === 'DownstreamPeriodic' };
}

/** A WebSocket whose Check had no `upgrade` header, and so was not decided. */
function isHiddenUpgrade({ response, commonProperties }: HttpAccessLogEntry): boolean {
  if (response?.responseCode?.value !== SWITCHING_PROTOCOLS) return false;
  return stringField(commonProperties?.metadata?.filterMetadata?.[EXT_AUTHZ], BLIND) !== undefined;
}

/**
 * Without lease metadata: an open WebSocket, or the end of one; or the end of a request whose Check was under way when
 * the client left (no code) or whose answer came too late (`ext_authz_error`): the lease may be there all the same.
 */
function mayHoldUntoldLease(entry: HttpAccessLogEntry, ended: boolean, code: number | undefined): boolean {
  if (code === SWITCHING_PROTOCOLS) return true;
  return ended && (code === undefined || code === 0 || entry.response?.responseCodeDetails === 'ext_authz_error');
}

function sightOf({ commonProperties, request }: HttpAccessLogEntry): RequestSight {
  return {
    stream: identityOf(commonProperties?.startTime, commonProperties?.downstreamDirectRemoteAddress),
    routePod: commonProperties?.customTags?.pod,
    context: () => undefined,
    metadata: (namespace, key) => stringField(commonProperties?.metadata?.filterMetadata?.[namespace], key),
    header: (name) => request?.requestHeaders?.[name],
    // Not the original path: where no route rewrote it, that is whatever the client claims it to be.
    path: request?.path,
    host: request?.authority,
  };
}
