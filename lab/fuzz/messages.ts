/** Messages as an Envoy sends them: what the fuzzer breaks, and what must go on working beside that. */

import type { CheckRequest, HttpAccessLogEntry, StreamAccessLogsMessage } from '../../src/envoy/messages.ts';
import * as envoy from '../fleet/messages.ts';

/** With parts that a client or a proxy chooses, and a letter that takes two bytes. */
export function checkOf(stream: envoy.Stream, pod: string): CheckRequest {
  const { attributes } = envoy.checkOf(stream, pod);
  const headers = { upgrade: 'websocket', ':path': '/chat?room=é', cookie: 'a=b' };
  const request = { time: stream.startTime, http: { headers, path: '/chat?room=é', host: 'edge.example' } };
  const destination = { address: stream.address, labels: { proxy_id: 'proxy_fuzz' } };
  return { attributes: { ...attributes, request, destination, contextExtensions: { pod } } };
}

/** With its headers as Envoy sends them under `encode_raw_headers`. */
export function rawCheckOf(stream: envoy.Stream, pod: string): CheckRequest {
  const { attributes } = checkOf(stream, pod);
  const headers = [
    { key: 'upgrade', rawValue: Buffer.from('websocket') },
    { key: 'cookie', rawValue: Buffer.from([0xff, 0x00]) },
  ];
  return { attributes: { ...attributes, request: { time: stream.startTime, http: { headerMap: { headers } } } } };
}

/** With `lease`, of a stream that the gate let in. */
export function entryOf(stream: envoy.Stream, pod: string, type: envoy.LogType, lease?: string): HttpAccessLogEntry {
  const entry = envoy.entryOf(stream, pod, type, {
    ...(lease === undefined ? {} : { lease }),
    details: 'via_upstream',
  });
  const request = { path: '/chat?room=é', authority: 'edge.example', requestHeaders: { upgrade: 'websocket' } };
  return { ...entry, request };
}

export function messageOf(...logEntry: HttpAccessLogEntry[]): StreamAccessLogsMessage {
  return { identifier: { node: { id: 'proxy_fuzz' } }, httpLogs: { logEntry } };
}
