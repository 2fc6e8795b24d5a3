/**
 * The messages of `proto/` as TypeScript, in the shape that `protos.ts` has them decoded to: camelCase names, 64-bit
 * integers as decimal strings, enums as their names.
 *
 * Every field may be missing: the sender is a stranger, and proto3 leaves out what is zero or empty. An enum value that
 * `proto/` does not name arrives as its number. Two fields of one oneof may both be there. Only a field's type is sure:
 * a string field that is there holds a string.
 *
 * What is sent has the same shape. An enum name that `proto/` does not have would be left out silently; the types
 * here do not allow one.
 */

import type { Struct } from './struct.ts';

// envoy.service.auth.v3

export interface CheckRequest {
  readonly attributes?: AttributeContext;
}

export interface AttributeContext {
  readonly source?: Peer;
  readonly destination?: Peer;
  readonly request?: Request;
  readonly contextExtensions?: StringMap;
  readonly routeMetadataContext?: Metadata;
}

export interface Peer {
  readonly address?: Address;
  readonly labels?: StringMap;
}

export interface Request {
  readonly time?: Timestamp;
  readonly http?: HttpRequest;
}

export interface HttpRequest {
  readonly headers?: StringMap;
  readonly headerMap?: HeaderMap;
  readonly path?: string;
  readonly host?: string;
}

export interface CheckResponse {
  readonly status?: Status;
  readonly deniedResponse?: DeniedHttpResponse;
  readonly okResponse?: OkHttpResponse;
  readonly dynamicMetadata?: Struct;
}

export interface DeniedHttpResponse {
  readonly status?: HttpStatus;
  readonly headers?: readonly HeaderValueOption[];
  readonly body?: string;
}

export interface OkHttpResponse {
  readonly headers?: readonly HeaderValueOption[];
  readonly headersToRemove?: readonly string[];
}

// envoy.service.accesslog.v3, envoy.data.accesslog.v3

export interface StreamAccessLogsMessage {
  readonly identifier?: Identifier;
  readonly httpLogs?: HttpAccessLogEntries;
}

export type StreamAccessLogsResponse = Empty;

export interface Identifier {
  readonly node?: Node;
}

export interface HttpAccessLogEntries {
  readonly logEntry?: readonly HttpAccessLogEntry[];
}

export interface HttpAccessLogEntry {
  readonly commonProperties?: AccessLogCommon;
  readonly request?: HttpRequestProperties;
  readonly response?: HttpResponseProperties;
}

export interface AccessLogCommon {
  readonly downstreamDirectRemoteAddress?: Address;
  readonly startTime?: Timestamp;
  readonly metadata?: Metadata;
  readonly customTags?: StringMap;
  readonly accessLogType?: AccessLogType;
}

export type AccessLogType =
  | 'NotSet'
  | 'DownstreamPeriodic'
  | 'DownstreamEnd'
  | 'DownstreamTunnelSuccessfullyEstablished'
  | number;

export interface HttpRequestProperties {
  readonly authority?: string;
  readonly path?: string;
  readonly requestHeaders?: StringMap;
}

export interface HttpResponseProperties {
  readonly responseCode?: UInt32Value;
  readonly responseCodeDetails?: string;
}

// envoy.config.core.v3, envoy.type.v3

export interface Node {
  readonly id?: string;
}

export interface Address {
  readonly socketAddress?: SocketAddress;
  readonly pipe?: Pipe;
}

export interface SocketAddress {
  readonly address?: string;
  readonly portValue?: number;
}

export interface Pipe {
  readonly path?: string;
}

export interface Metadata {
  readonly filterMetadata?: Readonly<Record<string, Struct>>;
}

export interface HeaderMap {
  readonly headers?: readonly HeaderValue[];
}

export interface HeaderValue {
  readonly key?: string;
  readonly value?: string;
  readonly rawValue?: Uint8Array;
}

export interface HeaderValueOption {
  readonly header?: HeaderValue;
  readonly appendAction?: 'APPEND_IF_EXISTS_OR_ADD' | 'OVERWRITE_IF_EXISTS_OR_ADD' | number;
}

export interface HttpStatus {
  readonly code?: 'Empty' | number;
}

// google.protobuf, google.rpc

export interface Status {
  readonly code?: number;
}

/** Both halves are missing when zero: `nanos` about once in a billion requests, so read it with a default. */
export interface Timestamp {
  readonly seconds?: string;
  readonly nanos?: number;
}

export interface UInt32Value {
  readonly value?: number;
}

type Empty = Readonly<Record<never, never>>;

type StringMap = Readonly<Record<string, string>>;
