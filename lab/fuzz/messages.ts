/** Messages as an Envoy sends them: what the fuzzer breaks, and what must go on working beside that. */

import type { CheckRequest, HttpAccessLogEntry, StreamAccessLogsMessage } from '../../src/envoy/messages.ts';

/** One WebSocket's stream, named as Envoy names it in a Check and in the log alike. */
export interface Stream {
  readonly startTime: { readonly seconds: string; readonly nanos: number };
  readonly address: { readonly socketAddress: { readonly address: string; readonly portValue: number } };
}

export function streamOf(number: number): Stream {
  return {
    startTime: { seconds: '1763696781', nanos: number },
    address: { socketAddress: { address: '192.0.2.7', portValue: 1024 + (number % 60_000) } },
  };
}

export function checkOf(stream: Stream, pod: string): CheckRequest {
  return {
    attributes: {
      source: { address: stream.address },
      destination: { address: stream.address, labels: { proxy_id: 'proxy_fuzz' } },
      request: {
        time: stream.startTime,
        http: {
          headers: { upgrade: 'websocket', ':path': '/chat?room=é', cookie: 'a=b' },
          path: '/chat?room=é',
          host: 'edge.example',
        },
      },
      contextExtensions: { pod },
      routeMetadataContext: { filterMetadata: { wsgate: { fields: { pod: { stringValue: pod } } } } },
    },
  };
}

/** With its headers as Envoy sends them under `encode_raw_headers`. */
export function rawCheckOf(stream: Stream, pod: string): CheckRequest {
  const { attributes } = checkOf(stream, pod);
  const headers = [
    { key: 'upgrade', rawValue: Buffer.from('websocket') },
    { key: 'cookie', rawValue: Buffer.from([0xff, 0x00]) },
  ];
  return { attributes: { ...attributes, request: { time: stream.startTime, http: { headerMap: { headers } } } } };
}

type LogType = 'DownstreamTunnelSuccessfullyEstablished' | 'DownstreamPeriodic' | 'DownstreamEnd';

/** With `lease`, of a stream that the gate let in. */
export function entryOf(stream: Stream, pod: string, type: LogType, lease?: string): HttpAccessLogEntry {
  const fields = { lease: { stringValue: lease ?? '' }, pod: { stringValue: pod } };
  return {
    commonProperties: {
      startTime: stream.startTime,
      downstreamDirectRemoteAddress: stream.address,
      accessLogType: type,
      customTags: { pod },
      ...(lease === undefined ? {} : { metadata: { filterMetadata: { 'envoy.filters.http.ext_authz': { fields } } } }),
    },
    request: { path: '/chat?room=é', authority: 'edge.example', requestHeaders: { upgrade: 'websocket' } },
    response: { responseCode: { value: 101 }, responseCodeDetails: 'via_upstream' },
  };
}

export function messageOf(...logEntry: HttpAccessLogEntry[]): StreamAccessLogsMessage {
  return { identifier: { node: { id: 'proxy_fuzz' } }, httpLogs: { logEntry } };
}
