/**
 * Answers of the hold door, as the bytes that go to Envoy. The decisions are those of `answers.ts`, in the words of
 * ext_proc. Each answer also says what Envoy is to tell of later: of an upgrade the response's trailers, which a
 * WebSocket never has, so that the stream stays open for as long as it; of anything else nothing, so that it ends.
 */

import type { LeaseId, PodId } from '../admission/ids.ts';
import type { DenialReason } from '../admission/verdict.ts';
import {
  type AnswerOptions,
  CONNECTION_ID,
  DESTINATION,
  type Denial,
  denialsOf,
  destinationOf,
  mapValues,
  OURS,
  OVERWRITE,
} from './answers.ts';
import { BackwardWriter } from './backward-writer.ts';
import type { ProcessingRequest, ProcessingResponse } from './messages.ts';
import { HOLD_KEYS } from './told-lease.ts';

/** What Envoy tells of later, although the answer to the request's headers said that nobody wants it. */
export type Later = Exclude<keyof ProcessingRequest, 'requestHeaders' | 'metadataContext' | 'attributes'>;

const LATER = {
  responseHeaders: { responseHeaders: {} },
  requestBody: { requestBody: {} },
  responseBody: { responseBody: {} },
  requestTrailers: { requestTrailers: {} },
  responseTrailers: { responseTrailers: {} },
} as const satisfies Record<Later, ProcessingResponse>;

/** HeaderSendMode */
const SEND = 1;
const SKIP = 2;

export class HoldAnswers {
  /** For what is no upgrade. */
  readonly other: Buffer;
  readonly #serialize: (response: ProcessingResponse) => Buffer;
  readonly #denials: Readonly<Record<DenialReason, Buffer>>;
  readonly #later: Readonly<Record<Later, Buffer>>;
  readonly #writer = new BackwardWriter(4096);

  constructor(serialize: (response: ProcessingResponse) => Buffer, options: AnswerOptions) {
    this.#serialize = serialize;
    this.other = serialize({
      requestHeaders: { response: { headerMutation: { removeHeaders: OURS } } },
      modeOverride: { responseHeaderMode: 'SKIP', responseTrailerMode: 'SKIP' },
    });
    this.#denials = mapValues(denialsOf(options), (denial, reason) => serialize(responseOf(denial, reason)));
    this.#later = mapValues(LATER, serialize);
  }

  deny(reason: DenialReason): Buffer {
    return this.#denials[reason];
  }

  /** Nothing is to be changed. */
  goOn(later: Later): Buffer {
    return this.#later[later];
  }

  /** Ends the WebSocket. `reason`: what Envoy's access log shows of it. */
  close(reason: string): Buffer {
    return this.#serialize({ immediateResponse: { status: { code: 503 }, details: detailsOf(reason) } });
  }

  /**
   * With the lease and pod as dynamic metadata of a namespace of ours, which Envoy puts into its access log. `byRoute`: the
   * metadata of the route named the pod.
   */
  allow(lease: LeaseId, pod: PodId, byRoute: boolean, others: readonly PodId[] = []): Buffer {
    const endpoint = destinationOf(pod, others);
    const writer = this.#writer.begin();
    // Struct.fields, an entry of a map: key, Value
    const text = (key: string, value: string) =>
      writer.part(1, () => writer.part(2, () => writer.text(3, value)).text(1, key)); // Value.string_value
    const namespace = (name: string, write: () => void) =>
      writer.part(1, () => writer.part(2, () => writer.part(5, write)).text(1, name)); // Value.struct_value
    // HeaderMutation.set_headers: HeaderValueOption, whose HeaderValue has a raw_value and a key
    const header = (key: string, value: string) =>
      writer.part(1, () => writer.enum(3, OVERWRITE).part(1, () => writer.text(3, value).text(1, key)));
    return writer
      .part(9, () => writer.enum(6, SEND).enum(2, SKIP)) // mode_override
      .part(8, () => {
        namespace('wsgate', () => {
          if (others.length > 0) text(HOLD_KEYS.others, others.join());
          if (!byRoute) text(HOLD_KEYS.notByRoute, 'true');
          text(HOLD_KEYS.pod, pod);
          text(HOLD_KEYS.lease, lease);
        });
        namespace('envoy.lb', () => {
          if (endpoint) text(DESTINATION, endpoint);
          text('pod', pod);
        });
      }) // dynamic_metadata
      .part(1, () =>
        // request_headers.response.header_mutation
        writer.part(1, () =>
          writer.part(2, () => {
            if (!endpoint)
              writer.text(2, DESTINATION); // remove_headers
            else header(DESTINATION, endpoint);
            header(CONNECTION_ID, lease);
          }),
        ),
      )
      .end();
  }
}

function responseOf({ status: code, headers, body }: Denial, reason: DenialReason): ProcessingResponse {
  const setHeaders = Object.entries(headers).map(([key, value]) => ({
    header: { key, rawValue: Buffer.from(value) },
    appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' as const,
  }));
  const details = detailsOf(reason);
  return { immediateResponse: { status: { code }, headers: { setHeaders }, body: Buffer.from(body), details } };
}

function detailsOf(reason: string): string {
  return `wsgate_${reason.toLowerCase()}`;
}
