/**
 * The gRPC services that wsgate serves, and the decoders of what Envoy sends, both made from `proto/`.
 */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MethodDefinition } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import protobuf from 'protobufjs';
import { Decoders } from './decode.ts';
import type {
  CheckRequest,
  CheckResponse,
  ProcessingRequest,
  ProcessingResponse,
  StreamAccessLogsMessage,
  StreamAccessLogsResponse,
} from './messages.ts';
import type { LookedAt } from './pod-sources.ts';
import { BLIND, EXT_AUTHZ, HOLD_KEYS, OWN_KEYS } from './told-lease.ts';

// Type aliases, not interfaces: grpc-js takes a service only as a type with an index signature, which an alias has.

export type AuthorizationService = {
  readonly Check: MethodDefinition<CheckRequest, CheckResponse>;
};

export type AccessLogService = {
  readonly StreamAccessLogs: MethodDefinition<StreamAccessLogsMessage, StreamAccessLogsResponse>;
};

export type ExternalProcessorService = {
  readonly Process: MethodDefinition<ProcessingRequest, ProcessingResponse>;
};

/** What the gate decodes itself, of the bytes that Envoy sends. Each throws on bytes that are no such message. */
export interface EnvoyDecoders {
  readonly check: (bytes: Uint8Array) => CheckRequest;
  readonly log: (bytes: Uint8Array) => StreamAccessLogsMessage;
  readonly processing: (bytes: Uint8Array) => ProcessingRequest;
  /** Decodes this from now on, too. */
  lookAt(more: LookedAt): void;
}

const FILES = [
  'envoy/service/auth/v3/external_auth.proto',
  'envoy/service/accesslog/v3/als.proto',
  'envoy/service/ext_proc/v3/external_processor.proto',
];
/** The name under which Envoy sends what `request_attributes` asks for. */
export const EXT_PROC = 'envoy.filters.http.ext_proc';
/** The attributes that are looked at: CEL expressions, each the key of its own value. */
export const ATTRIBUTES = {
  node: 'xds.node.id',
  pod: routeAttribute('wsgate', 'pod'),
  routeName: 'xds.route_name',
  service: routeAttribute('wsgate', 'service'),
  time: 'request.time',
  peer: 'source.address',
} as const;
// From `src/envoy` and from `dist/envoy` alike.
const PROTO_DIR = fileURLToPath(new URL('../../proto', import.meta.url));

type Loaded = PackageDefinition & {
  readonly 'envoy.service.auth.v3.Authorization': AuthorizationService;
  readonly 'envoy.service.accesslog.v3.AccessLogService': AccessLogService;
  readonly 'envoy.service.ext_proc.v3.ExternalProcessor': ExternalProcessorService;
};

/** Reads and parses the files: once per process, at start. Throws when one is missing or wrong. */
export function loadServices() {
  // test/unit/protos.test.ts checks that these names exist, and that messages decode to the types of messages.ts.
  const loaded = loadSync(FILES, {
    keepCase: false,
    longs: String,
    enums: String,
    defaults: false,
    oneofs: false,
    includeDirs: [PROTO_DIR],
  }) as Loaded;
  return {
    authorization: loaded['envoy.service.auth.v3.Authorization'],
    accessLog: loaded['envoy.service.accesslog.v3.AccessLogService'],
    externalProcessor: loaded['envoy.service.ext_proc.v3.ExternalProcessor'],
  };
}

/** The attribute that shows a route's metadata to the hold door. */
export function routeAttribute(namespace: string, key: string): string {
  return `xds.route_metadata.filter_metadata['${namespace}']['${key}']`;
}

/** Reads and parses the files, as `loadServices` does. What is decoded of maps is what is looked at. */
export function loadDecoders(looksAt: LookedAt): EnvoyDecoders {
  const headers: string[] = [];
  const context = ['pod', 'service'];
  const namespaces: string[] = ['wsgate', EXT_AUTHZ];
  const fields = [
    ...['pod', 'service', 'lease', 'denied', ...Object.values(OWN_KEYS), BLIND, HOLD_KEYS.notByRoute],
    HOLD_KEYS.others,
    ...Object.values(ATTRIBUTES),
  ];

  const lookAt = (more: LookedAt) => {
    add(headers, more.headers);
    add(context, more.context);
    for (const { namespace, key } of more.metadata) {
      add(namespaces, [namespace]);
      add(fields, [key, routeAttribute(namespace, key)]);
    }
  };
  lookAt(looksAt);
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => join(PROTO_DIR, target);
  root.loadSync(FILES);
  const decoders = new Decoders({
    'HttpRequest.headers': headers,
    'HTTPRequestProperties.requestHeaders': headers,
    'Peer.labels': ['proxy_id'],
    'AttributeContext.contextExtensions': context,
    'AccessLogCommon.customTags': ['pod', 'service'],
    'Metadata.filterMetadata': namespaces,
    'ProcessingRequest.attributes': [EXT_PROC],
    'Struct.fields': fields,
  });
  return {
    lookAt,
    check: decoders.of(root.lookupType('envoy.service.auth.v3.CheckRequest')) as EnvoyDecoders['check'],
    log: decoders.of(root.lookupType('envoy.service.accesslog.v3.StreamAccessLogsMessage')) as EnvoyDecoders['log'],
    processing: decoders.of(
      root.lookupType('envoy.service.ext_proc.v3.ProcessingRequest'),
    ) as EnvoyDecoders['processing'],
  };
}

function add(known: string[], more: readonly string[]): void {
  for (const each of more) if (!known.includes(each)) known.push(each);
}
