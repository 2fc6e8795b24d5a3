/** Checks and access log entries as an Envoy sends them, with no more in them than a gate reads. */

import type { ServiceError } from '@grpc/grpc-js';
import type {
  CheckRequest,
  CheckResponse,
  HttpAccessLogEntry,
  StreamAccessLogsMessage,
} from '../../src/envoy/messages.ts';

/** One WebSocket's stream, as Envoy names it in a Check and in the log alike. */
export interface Stream {
  readonly startTime: { readonly seconds: string; readonly nanos: number };
  readonly address: { readonly socketAddress: { readonly address: string; readonly portValue: number } };
}

/** The same for the same number. */
export function streamOf(number: number): Stream {
  return {
    startTime: { seconds: '1763696781', nanos: number },
    address: { socketAddress: { address: '192.0.2.7', portValue: 1024 + (number % 60_000) } },
  };
}

let streams = 0;
export function newStream(): Stream {
  streams += 1;
  return streamOf(streams);
}

/** One that begins so long from now. */
export function streamIn(ms: number): Stream {
  const seconds = String(Math.floor((Date.now() + ms) / 1000));
  const { address, startTime } = newStream();
  return { address, startTime: { ...startTime, seconds } };
}

export function checkOf(
  stream: Stream,
  pod: string | undefined,
  headers?: Record<string, string>,
  path = `/${pod}/chat?secret=1`,
): CheckRequest {
  return {
    attributes: {
      source: { address: stream.address },
      request: {
        time: stream.startTime,
        http: { headers: headers ?? { upgrade: 'websocket' }, path, host: 'edge.example' },
      },
      ...(pod === undefined
        ? {}
        : { routeMetadataContext: { filterMetadata: { wsgate: { fields: { pod: { stringValue: pod } } } } } }),
    },
  };
}

/** Of an upgrade whose pod the gate is to choose. */
export function checkOfService(
  stream: Stream,
  service: string,
  headers: Record<string, string> = {},
  path = '/chat',
): CheckRequest {
  const { attributes } = checkOf(stream, undefined, { upgrade: 'websocket', ...headers }, path);
  const wsgate = { fields: { service: { stringValue: service } } };
  return { attributes: { ...attributes, routeMetadataContext: { filterMetadata: { wsgate } } } };
}

export type LogType = 'DownstreamTunnelSuccessfullyEstablished' | 'DownstreamPeriodic' | 'DownstreamEnd';

/** An access log entry; with `lease`, of a stream that the gate has admitted. */
export function entryOf(
  stream: Stream,
  pod: string,
  type: LogType,
  options: { lease?: string; denied?: string; code?: number; details?: string } = {},
): HttpAccessLogEntry {
  const { lease, denied, code = 101, details } = options;
  const fields =
    denied === undefined
      ? { lease: { stringValue: lease ?? '' }, pod: { stringValue: pod } }
      : { denied: { stringValue: denied } };
  return {
    commonProperties: {
      startTime: stream.startTime,
      downstreamDirectRemoteAddress: stream.address,
      accessLogType: type,
      customTags: { pod },
      ...(lease === undefined && denied === undefined
        ? {}
        : { metadata: { filterMetadata: { 'envoy.filters.http.ext_authz': { fields } } } }),
    },
    request: { authority: 'edge.example', path: `/${pod}/chat?secret=1` },
    response: {
      ...(code === 0 ? {} : { responseCode: { value: code } }),
      ...(details === undefined ? {} : { responseCodeDetails: details }),
    },
  };
}

export function message(...logEntry: HttpAccessLogEntry[]): StreamAccessLogsMessage {
  return { httpLogs: { logEntry } };
}

/** The lease in an answer that admits the upgrade. */
export function leaseIn(answer: CheckResponse | ServiceError): string {
  const lease = 'dynamicMetadata' in answer ? answer.dynamicMetadata?.fields?.lease?.stringValue : undefined;
  if (lease === undefined) throw new Error(`not let in: ${JSON.stringify(answer)}`);
  return lease;
}
