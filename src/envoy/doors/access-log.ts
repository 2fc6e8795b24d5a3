/**
 * The access log, `AccessLogService/StreamAccessLogs`: what Envoy tells of its connections becomes sightings and ends
 * for the ledger. Entries of anything else are ignored; malformed ones are counted.
 */

import { type handleClientStreamingCall, type Server, type ServerReadableStream, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Avoidance } from '../../admission/avoidance.ts';
import { proxyOf } from '../../admission/ids.ts';
import type { LogStream } from '../../admission/ledger/entries.ts';
import type { Ledger } from '../../admission/ledger/ledger.ts';
import { type Complaints, hostOf } from '../complaints.ts';
import type { Keepalives } from '../grpc/keepalives.ts';
import type { HttpAccessLogEntry, StreamAccessLogsMessage, StreamAccessLogsResponse } from '../messages.ts';
import type { Namesakes } from '../namesakes.ts';
import { PodClusters } from '../pod-clusters.ts';
import type { PodSources } from '../pod-sources.ts';
import type { AccessLogService, EnvoyDecoders } from '../protos.ts';
import type { ProxyNames } from '../proxy-name.ts';
import { type Entry, readEntry } from './log-entry.ts';
import { LogSigns } from './log-signs.ts';

export interface AccessLogParts {
  readonly ledger: Ledger;
  readonly avoidance: Avoidance;
  readonly pods: PodSources;
  readonly proxies: ProxyNames;
  readonly keepalives: Keepalives;
  readonly complaints: Complaints;
  readonly namesakes: Namesakes;
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

/** Stands in for a message whose bytes could not be decoded. */
const UNDECODABLE = Symbol('undecodable');
type LogMessage = StreamAccessLogsMessage | typeof UNDECODABLE;

type LogCall = ServerReadableStream<LogMessage, unknown>;

interface Heard {
  readonly stream: LogStream;
  readonly signs: LogSigns;
}

export class AccessLogDoor {
  readonly #parts: AccessLogParts;
  readonly #finishers = new Set<() => void>();
  readonly #clusters = new PodClusters();

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
    let heard: Heard | undefined;
    const close = () => {
      if (this.#finishers.delete(finish) && heard) this.#parts.ledger.streams.close(heard.stream);
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
      if (isOpen) heard ??= this.#open(call, message);
      heard?.signs.came();
      if (heard) for (const entry of message.httpLogs?.logEntry ?? []) this.#take(call, heard, entry, isOpen);
      else {
        this.#malformed(call, 'a log stream that does not tell its proxy');
        this.#parts.complaints.say('nameless log', hostOf(call.getPeer()));
      }
    });
  };

  #open(call: LogCall, message: StreamAccessLogsMessage): Heard | undefined {
    const { complaints, keepalives, ledger, namesakes, pods, proxies } = this.#parts;
    const node = message.identifier?.node?.id;
    const proxy = proxies.of(call, { node });
    const peer = call.getPeer();
    if (!proxy) return undefined;
    const signs = new LogSigns(
      { complaints, namesakes, clusters: this.#clusters },
      { proxy, node, peer, needsRoute: pods.readsRoute },
    );
    return { stream: ledger.streams.open(proxy, () => keepalives.of(peer)), signs };
  }

  #take(call: LogCall, { stream, signs }: Heard, logEntry: HttpAccessLogEntry, isOpen: boolean): void {
    const { avoidance, counted, ledger, pods, proxies } = this.#parts;
    const entry = readEntry(logEntry, stream.proxy, pods);
    if (entry.kind === 'malformed') {
      this.#malformed(call, entry.why);
      return;
    }
    const checks = entry.kind === 'ignored' ? stream.proxy : proxyOf(entry.lease);
    if (checks !== stream.proxy && proxies.certified) {
      this.#malformed(call, `of another proxy: ${checks}`);
      return;
    }
    signs.entry(logEntry, entry);
    counted(entry.kind);
    if (entry.kind === 'seen' && isOpen) ledger.entries.seen(stream, entry);
    if (entry.kind === 'ended') {
      // What the hold door gave is of the gate that holds it.
      const isOurs = !entry.byHold || ledger.entries.isHeld(entry.lease);
      ledger.releases.ended({ pod: entry.pod, lease: entry.lease, movedFrom: entry.movedFrom, isOurs });
    }
    if (entry.kind !== 'ignored') for (const pod of entry.refusals) void avoidance.refused(pod);
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
