/**
 * Answers to Checks, as the bytes that go to Envoy. Denials never change, and are made once. An allow, which names the
 * lease and the pod, is written by hand: that takes a fifth of the time that `@grpc/proto-loader` takes.
 */

import { status } from '@grpc/grpc-js';
import { endpointOf, type LeaseId, type PodId } from '../admission/ids.ts';
import type { DenialReason } from '../admission/verdict.ts';
import { BackwardWriter } from './backward-writer.ts';
import type { CheckResponse, HeaderValueOption } from './messages.ts';
import { BLIND, OWN_KEYS } from './told-lease.ts';

export interface AnswerOptions {
  /** HTTP status of a denial over the limit. */
  readonly denyStatus: number;
  readonly retryAfterMs: number;
}

/** The header that names the connection to the pod. What a client sends in it is overwritten or removed. */
export const CONNECTION_ID = 'x-connection-id';

/**
 * Where Envoy is to send the request (`override_host`): header and key of metadata, by the endpoint picker protocol of
 * the Gateway API. What a client sends in it is overwritten or removed.
 */
export const DESTINATION = 'x-gateway-destination-endpoint';

/** Headers that only a gate may set. */
export const OURS = [CONNECTION_ID, DESTINATION] as const;

/** What the client of a denied upgrade gets, by whichever door it came. */
export interface Denial {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function denialsOf({ denyStatus, retryAfterMs }: AnswerOptions): Readonly<Record<DenialReason, Denial>> {
  const seconds = Math.ceil(retryAfterMs / 1000);
  const denial = (error: DenialReason, httpStatus: number, retryAfter?: number): Denial => ({
    status: httpStatus,
    headers: {
      'content-type': 'application/json',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
    body: JSON.stringify(retryAfter === undefined ? { error } : { error, retry_after: retryAfter }),
  });
  return {
    LIMIT_EXCEEDED: denial('LIMIT_EXCEEDED', denyStatus, seconds),
    STORE_UNAVAILABLE: denial('STORE_UNAVAILABLE', 503, seconds),
    STORE_RECOVERING: denial('STORE_RECOVERING', 503, seconds),
    ENDED: denial('ENDED', 503, seconds),
    TOO_MANY_NAMES: denial('TOO_MANY_NAMES', 503, seconds),
    // Without Retry-After: waiting does not help while the proxy's configuration does not say whose connection this
    // is.
    POD_UNKNOWN: denial('POD_UNKNOWN', 403),
    PROXY_UNKNOWN: denial('PROXY_UNKNOWN', 403),
  };
}

export class Answers {
  /** For what is no upgrade. There is no lease, so `OURS` are removed. */
  readonly other: Buffer;
  /** For what shows no `upgrade` header at all. Its log entries say so: if one has a 101, the gate was not shown enough. */
  readonly blind: Buffer;
  readonly #denials: Readonly<Record<DenialReason, Buffer>>;
  readonly #writer = new BackwardWriter(4096);

  constructor(serialize: (response: CheckResponse) => Buffer, options: AnswerOptions) {
    const other: CheckResponse = { status: { code: status.OK }, okResponse: { headersToRemove: OURS } };
    this.other = serialize(other);
    this.blind = serialize({ ...other, dynamicMetadata: { fields: { [BLIND]: { stringValue: 'true' } } } });
    this.#denials = mapValues(denialsOf(options), (denial, reason) => serialize(responseOf(denial, reason)));
  }

  deny(reason: DenialReason): Buffer {
    return this.#denials[reason];
  }

  /**
   * With the lease and pod as dynamic metadata, which Envoy puts into its access log, and the lease as a header. Keys of
   * our own are there for the gate; the short ones for whoever reads them in Envoy's configuration. `byRoute`: the
   * metadata of the route named the pod. Of a pod of a service also where it is, and `others` that Envoy may try.
   */
  allow(lease: LeaseId, pod: PodId, byRoute: boolean, others: readonly PodId[] = []): Buffer {
    const endpoint = destinationOf(pod, others);
    const writer = this.#writer.begin();
    // HeaderValueOption
    const header = (key: string, value: string) =>
      writer.part(2, () => writer.enum(3, OVERWRITE).part(1, () => writer.text(2, value).text(1, key)));
    const metadata = (key: string, value: string) =>
      // Struct.fields, an entry of a map: key, Value.string_value
      writer.part(1, () => writer.part(2, () => writer.text(3, value)).text(1, key));
    return writer
      .part(4, () => {
        if (endpoint) metadata(DESTINATION, endpoint);
        metadata('pod', pod);
        metadata('lease', lease);
        if (others.length > 0) metadata(OWN_KEYS.others, others.join());
        if (!byRoute) metadata(OWN_KEYS.notByRoute, 'true');
        metadata(OWN_KEYS.pod, pod);
        metadata(OWN_KEYS.lease, lease);
      }) // dynamic_metadata
      .part(3, () => {
        if (!endpoint)
          writer.text(5, DESTINATION); // headers_to_remove
        else header(DESTINATION, endpoint);
        header(CONNECTION_ID, lease);
      }) // ok_response
      .part(1, () => writer) // status: OK is zero
      .end();
  }
}

/** Of a pod of a service, and of those that are to be tried after it: what `DESTINATION` holds. */
export function destinationOf(pod: PodId, others: readonly PodId[]): string | undefined {
  const first = endpointOf(pod);
  return first && [first, ...others.map(endpointOf)].join();
}

/** HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD */
export const OVERWRITE = 2;

function responseOf({ status: code, headers, body }: Denial, denied: DenialReason): CheckResponse {
  return {
    status: { code: status.PERMISSION_DENIED },
    deniedResponse: {
      status: { code },
      headers: Object.entries(headers).map(([key, value]) => header(key, value)),
      body,
    },
    // For the access log, which may know more of the request (`doors/log-signs.ts`).
    dynamicMetadata: { fields: { denied: { stringValue: denied } } },
  };
}

export function mapValues<Key extends string, From, To>(
  record: Readonly<Record<Key, From>>,
  to: (value: From, key: Key) => To,
): Record<Key, To> {
  const entries = Object.entries(record) as [Key, From][];
  return Object.fromEntries(entries.map(([key, value]) => [key, to(value, key)])) as Record<Key, To>;
}

function header(key: string, value: string): HeaderValueOption {
  return { header: { key, value }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' };
}
