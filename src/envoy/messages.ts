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
  readonly request?: { readonly time?: Timestamp; readonly http?: HttpRequest };
  readonly contextExtensions?: StringMap;
  readonly metadataContext?: Metadata;
  readonly routeMetadataContext?: Metadata;
}

interface Peer {
  readonly address?: Address;
  readonly labels?: StringMap;
}

export interface HttpRequest {
  readonly id?: string;
  readonly headers?: StringMap;
  readonly headerMap?: { readonly headers?: readonly HeaderValue[] };
  readonly path?: string;
  readonly host?: string;
}

export interface CheckResponse {
  readonly status?: { readonly code?: number };
  readonly deniedResponse?: {
    readonly status?: { readonly code?: 'Empty' | number };
    readonly headers?: readonly HeaderValueOption[];
    readonly body?: string;
  };
  readonly okResponse?: {
    readonly headers?: readonly HeaderValueOption[];
    readonly headersToRemove?: readonly string[];
  };
  readonly dynamicMetadata?: Struct;
}

// envoy.service.accesslog.v3, envoy.data.accesslog.v3

export interface StreamAccessLogsMessage {
  readonly identifier?: { readonly node?: { readonly id?: string } };
  readonly httpLogs?: { readonly logEntry?: readonly HttpAccessLogEntry[] };
}

export type StreamAccessLogsResponse = Readonly<Record<never, never>>;

export interface HttpAccessLogEntry {
  readonly commonProperties?: {
    readonly downstreamRemoteAddress?: Address;
    readonly downstreamDirectRemoteAddress?: Address;
    readonly upstreamRemoteAddress?: Address;
    readonly startTime?: Timestamp;
    readonly upstreamCluster?: string;
    readonly upstreamRequestAttemptCount?: number;
    readonly metadata?: Metadata;
    readonly routeName?: string;
    readonly customTags?: StringMap;
    readonly accessLogType?: AccessLogType;
  };
  readonly request?: { readonly authority?: string; readonly path?: string; readonly requestHeaders?: StringMap };
  readonly response?: { readonly responseCode?: { readonly value?: number }; readonly responseCodeDetails?: string };
}

type AccessLogType =
  | 'NotSet'
  | 'DownstreamPeriodic'
  | 'DownstreamEnd'
  | 'DownstreamTunnelSuccessfullyEstablished'
  | number;

// envoy.service.ext_proc.v3

export interface ProcessingRequest {
  readonly requestHeaders?: HttpHeaders;
  readonly responseHeaders?: HttpHeaders;
  readonly requestBody?: Nothing;
  readonly responseBody?: Nothing;
  readonly requestTrailers?: Nothing;
  readonly responseTrailers?: Nothing;
  readonly metadataContext?: Metadata;
  readonly attributes?: Readonly<Record<string, Struct>>;
}

export interface HttpHeaders {
  readonly headers?: { readonly headers?: readonly HeaderValue[] };
}

export interface ProcessingResponse {
  readonly requestHeaders?: HeadersResponse;
  readonly responseHeaders?: HeadersResponse;
  readonly requestBody?: Nothing;
  readonly responseBody?: Nothing;
  readonly requestTrailers?: Nothing;
  readonly responseTrailers?: Nothing;
  readonly immediateResponse?: {
    readonly status?: { readonly code?: 'Empty' | number };
    readonly headers?: HeaderMutation;
    readonly body?: Uint8Array;
    readonly details?: string;
  };
  readonly dynamicMetadata?: Struct;
  readonly modeOverride?: ProcessingMode;
}

interface HeadersResponse {
  readonly response?: { readonly headerMutation?: HeaderMutation };
}

interface HeaderMutation {
  readonly setHeaders?: readonly HeaderValueOption[];
  readonly removeHeaders?: readonly string[];
}

interface ProcessingMode {
  readonly responseHeaderMode?: HeaderSendMode;
  readonly responseTrailerMode?: HeaderSendMode;
}

type HeaderSendMode = 'DEFAULT' | 'SEND' | 'SKIP' | number;

type Nothing = Readonly<Record<never, never>>;

// envoy.config.core.v3, google.protobuf

export interface Address {
  readonly socketAddress?: { readonly address?: string; readonly portValue?: number };
  readonly pipe?: { readonly path?: string };
  readonly envoyInternalAddress?: { readonly serverListenerName?: string; readonly endpointId?: string };
}

export interface Metadata {
  readonly filterMetadata?: Readonly<Record<string, Struct>>;
}

interface HeaderValue {
  readonly key?: string;
  readonly value?: string;
  readonly rawValue?: Uint8Array;
}

export interface HeaderValueOption {
  readonly header?: HeaderValue;
  readonly appendAction?: 'APPEND_IF_EXISTS_OR_ADD' | 'OVERWRITE_IF_EXISTS_OR_ADD' | number;
}

/** Both halves are missing when zero: `nanos` about once in a billion requests, so read it with a default. */
export interface Timestamp {
  readonly seconds?: string;
  readonly nanos?: number;
}

type StringMap = Readonly<Record<string, string>>;
