/**
 * The gRPC services that wsgate serves, loaded from `proto/`: for a server to offer, or for a client to call.
 */

import { fileURLToPath } from 'node:url';
import type { MethodDefinition } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import type { CheckRequest, CheckResponse, StreamAccessLogsMessage, StreamAccessLogsResponse } from './messages.ts';

// Type aliases, not interfaces: grpc-js takes a service only as a type with an index signature, which an alias has.

export type AuthorizationService = {
  readonly Check: MethodDefinition<CheckRequest, CheckResponse>;
};

export type AccessLogService = {
  readonly StreamAccessLogs: MethodDefinition<StreamAccessLogsMessage, StreamAccessLogsResponse>;
};

export interface Services {
  readonly authorization: AuthorizationService;
  readonly accessLog: AccessLogService;
}

// From `src/envoy` and from `dist/envoy` alike.
const PROTO_DIR = fileURLToPath(new URL('../../proto', import.meta.url));

type Loaded = PackageDefinition & {
  readonly 'envoy.service.auth.v3.Authorization': AuthorizationService;
  readonly 'envoy.service.accesslog.v3.AccessLogService': AccessLogService;
};

/** Reads and parses the files: once per process, at start. Throws when one is missing or wrong. */
export function loadServices(): Services {
  // That these names are there, and that the types in messages.ts are what they decode to, the protos' test holds.
  const loaded = loadSync(['envoy/service/auth/v3/external_auth.proto', 'envoy/service/accesslog/v3/als.proto'], {
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
  };
}
