/**
 * Checks, log entries and questions of the hold door field by field as a real Envoy 1.40 on `envoy/edge.yaml` and
 * `envoy/hold.yaml` sends them for a browser's WebSocket, in Envoy's own protos: what the gate does not read has to be
 * skipped, and that costs, too.
 */

import { envoyMethod } from '../lab/fleet/envoy-protos.ts';
import { type LeaseId, leaseId, type ProxyId, parseProxyId, streamIdentity } from '../src/admission/ids.ts';

const check = envoyMethod('envoy/service/auth/v3/external_auth.proto', 'envoy.service.auth.v3.Authorization', 'Check');
const log = envoyMethod(
  'envoy/service/accesslog/v3/als.proto',
  'envoy.service.accesslog.v3.AccessLogService',
  'StreamAccessLogs',
);
const hold = envoyMethod(
  'envoy/service/ext_proc/v3/external_processor.proto',
  'envoy.service.ext_proc.v3.ExternalProcessor',
  'Process',
);

/** One WebSocket, as Envoy names its stream. */
export interface Stream {
  readonly pod: string;
  /** Instead of a pod: the gate chooses one. */
  readonly service?: string;
  readonly proxy: ProxyId;
  /** A second since the epoch. */
  readonly second: number;
  readonly nanos: number;
  readonly port: number;
}

export type EntryType = 'DownstreamTunnelSuccessfullyEstablished' | 'DownstreamPeriodic' | 'DownstreamEnd';

const PORT_MIN = 10_000;
const PORT_COUNT = 50_000;
const EDGE = socketAddress('127.0.0.1', 40_919);
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36';
const REQUEST_ID = '3db1759d-9a7c-471e-bb5f-76aa0599d281';

let streams = 0;

export function proxyName(index: number): ProxyId {
  return parseProxyId(`proxy_${index}`) as ProxyId;
}

/** A stream that nobody has seen before. */
export function newStream(pod = 'pod0', proxy = proxyName(0)): Stream {
  streams += 1;
  const second = Math.floor(performance.timeOrigin / 1000);
  return { pod, proxy, second, nanos: 100_000_000 + streams, port: PORT_MIN + (streams % PORT_COUNT) };
}

export function leaseOf({ proxy, second, nanos, port }: Stream): LeaseId {
  return leaseId(proxy, streamIdentity(BigInt(second) * 1_000_000_000n + BigInt(nanos), `127.0.0.1:${port}`));
}

export function checkBytes(stream: Stream): Buffer {
  const path = pathOf(stream);
  return check.requestSerialize({
    attributes: {
      source: { address: socketAddress('127.0.0.1', stream.port) },
      destination: { address: EDGE },
      request: {
        time: { seconds: String(stream.second), nanos: stream.nanos },
        http: {
          id: '5620845868828492725',
          method: 'GET',
          headers: headersOf(path),
          path,
          host: 'edge.example.com',
          scheme: 'http',
          protocol: 'HTTP/1.1',
        },
      },
      metadataContext: {},
      routeMetadataContext: { filterMetadata: { wsgate: { fields: targetOf(stream) } } },
    },
  });
}

function targetOf({ pod, service }: Stream): Record<string, { stringValue: string }> {
  return service === undefined ? { pod: { stringValue: pod } } : { service: { stringValue: service } };
}

/** The first message of a stream of the hold door. */
export function holdBytes(stream: Stream): Buffer {
  const { pod, proxy, port, second, nanos } = stream;
  const headers = Object.entries({ ...headersOf(pathOf(stream)), 'x-envoy-external-address': '127.0.0.1' });
  const time = new Date(second * 1000).toISOString().replace('.000Z', `.${String(nanos).slice(0, 6)}+00:00`);
  const attributes = {
    'source.address': `127.0.0.1:${port}`,
    'request.time': time,
    'xds.node.id': proxy,
    "xds.route_metadata.filter_metadata['wsgate']['pod']": pod,
  };
  const fields = Object.entries(attributes).map(([key, stringValue]) => [key, { stringValue }]);
  return hold.requestSerialize({
    requestHeaders: { headers: { headers: headers.map(([key, value]) => ({ key, rawValue: Buffer.from(value) })) } },
    metadataContext: {},
    attributes: { 'envoy.filters.http.ext_proc': { fields: Object.fromEntries(fields) } },
  });
}

/** What Envoy sends beside it, as gRPC metadata. */
export function holdMetadata({ second, nanos, port }: Stream): Record<string, string> {
  return { 'x-wsgate-peer': `127.0.0.1:${port}`, 'x-wsgate-start': `${second}.${nanos}` };
}

function pathOf({ pod }: Stream): string {
  return `/${pod}/chat?room=lobby`;
}

function headersOf(path: string): Record<string, string> {
  return {
    ':authority': 'edge.example.com',
    ':method': 'GET',
    ':path': path,
    ':scheme': 'http',
    'accept-language': 'en-GB,en;q=0.9',
    connection: 'Upgrade',
    origin: 'https://app.example.com',
    'sec-websocket-key': 'N9UG8WNvFNNe5lcIXOr9rg==',
    'sec-websocket-version': '13',
    upgrade: 'websocket',
    'user-agent': AGENT,
    'x-forwarded-for': '192.0.2.2',
    'x-forwarded-proto': 'http',
    'x-request-id': REQUEST_ID,
  };
}

/** A message of one entry, as Envoy sends without a buffer. */
export function entryBytes(stream: Stream, type: EntryType): Buffer {
  const { pod } = stream;
  const fields = {
    ext_authz_duration: { numberValue: 1 },
    lease: { stringValue: leaseOf(stream) },
    pod: { stringValue: pod },
    'wsgate.lease': { stringValue: leaseOf(stream) },
    'wsgate.pod': { stringValue: pod },
  };
  const client = socketAddress('127.0.0.1', stream.port);
  return log.requestSerialize({
    // Envoy names itself in a stream's first message only; here all are alike, for any of them may be the first.
    identifier: { node: { id: stream.proxy } },
    httpLogs: {
      logEntry: [
        {
          commonProperties: {
            downstreamRemoteAddress: client,
            downstreamLocalAddress: EDGE,
            startTime: { seconds: String(stream.second), nanos: stream.nanos },
            timeToFirstUpstreamTxByte: { nanos: 28_032_202 },
            timeToFirstUpstreamRxByte: { nanos: 33_323_999 },
            timeToFirstDownstreamTxByte: { nanos: 34_190_869 },
            upstreamRemoteAddress: socketAddress('127.0.0.1', 37_619),
            upstreamLocalAddress: socketAddress('127.0.0.1', 37_672),
            upstreamCluster: pod,
            metadata: { filterMetadata: { 'envoy.filters.http.ext_authz': { fields } } },
            downstreamDirectRemoteAddress: client,
            customTags: { pod },
            upstreamRequestAttemptCount: 1,
            streamId: REQUEST_ID,
            intermediateLogEntry: type !== 'DownstreamEnd',
            downstreamWireBytesSent: '181',
            downstreamWireBytesReceived: '440',
            upstreamWireBytesSent: '637',
            upstreamWireBytesReceived: '129',
            accessLogType: type,
          },
          protocolVersion: 'HTTP11',
          request: {
            requestMethod: 'GET',
            scheme: 'http',
            authority: 'edge.example.com',
            path: pathOf(stream),
            userAgent: AGENT,
            forwardedFor: '192.0.2.2',
            requestId: REQUEST_ID,
            requestHeadersBytes: '588',
            upstreamHeaderBytesSent: '599',
            downstreamHeaderBytesReceived: '391',
          },
          response: {
            responseCode: { value: 101 },
            responseHeadersBytes: '135',
            responseCodeDetails: 'via_upstream',
            upstreamHeaderBytesReceived: '90',
            downstreamHeaderBytesSent: '145',
          },
        },
      ],
    },
  });
}

function socketAddress(address: string, portValue: number) {
  return { socketAddress: { address, portValue } };
}
