/** ext_authz, `Authorization/Check`: Envoy's question made an upgrade, and the verdict made Envoy's answer. */

import { type handleUnaryCall, type ServerUnaryCall, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Gate } from '../admission/gate.ts';
import { leaseId } from '../admission/ids.ts';
import type { DenialReason, Upgrade, Verdict } from '../admission/verdict.ts';
import type { Answers } from './answers.ts';
import type { AttributeContext, CheckRequest, HttpRequest } from './messages.ts';
import { type PodSources, type Sight, withoutQuery } from './pod-sources.ts';
import type { ProxyNames } from './proxy-name.ts';
import { identityOf } from './stream-identity.ts';
import { stringField } from './struct.ts';

export interface CheckOptions {
  /** How long the store may take; undefined when it is never away. */
  readonly storeDeadlineMs: number | undefined;
}

/** A path is kept for people to look at: no longer than this. */
export const PATH_LENGTH_MAX = 256;

/** The header that makes a request one for a WebSocket. */
export const UPGRADE = 'upgrade';

const WARN_MS = 1000;

type Question =
  | { readonly kind: 'upgrade'; readonly upgrade: Upgrade }
  | { readonly kind: 'other' }
  | { readonly kind: 'unknown'; readonly reason: DenialReason; readonly lookedAt: readonly string[] }
  | { readonly kind: 'malformed'; readonly missing: string };

export class CheckService {
  readonly #gate: Gate;
  readonly #pods: PodSources;
  readonly #proxies: ProxyNames;
  readonly #log: Logger;
  readonly #answers: Answers;
  readonly #storeDeadlineMs: number | undefined;
  #deadlineTold = false;
  #warnedAtMs = Number.NEGATIVE_INFINITY;
  #unsaid = 0;
  #inFlight = 0;
  #idle: (() => void) | undefined;

  constructor(
    parts: { gate: Gate; pods: PodSources; proxies: ProxyNames; answers: Answers; log: Logger },
    options: CheckOptions,
  ) {
    this.#gate = parts.gate;
    this.#pods = parts.pods;
    this.#proxies = parts.proxies;
    this.#log = parts.log;
    this.#answers = parts.answers;
    this.#storeDeadlineMs = options.storeDeadlineMs;
  }

  readonly check: handleUnaryCall<CheckRequest, Buffer> = (call, callback) => {
    const question = this.#read(call);
    switch (question.kind) {
      case 'upgrade':
        this.#compareDeadlines(call);
        this.#answer(call, question.upgrade).then(
          (response) => callback(null, response),
          (error: unknown) => {
            this.#log.error({ err: error }, 'a bug: a Check failed');
            callback({ code: status.INTERNAL, details: 'a bug in wsgate; its log has the details' });
          },
        );
        return;
      case 'other':
        callback(null, this.#answers.other);
        return;
      case 'unknown':
        this.#warn({ reason: question.reason, lookedAt: question.lookedAt }, 'denied an upgrade');
        callback(null, this.#bytesOf(this.#gate.refuse(question.reason)));
        return;
      case 'malformed':
        this.#warn({ missing: question.missing, peer: call.getPeer() }, 'a Check that no Envoy would send');
        callback({ code: status.INVALID_ARGUMENT, details: `${question.missing} is missing` });
    }
  };

  /** Resolves when no upgrade waits for its answer. */
  async idle(): Promise<void> {
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  async #answer(call: ServerUnaryCall<CheckRequest, Buffer>, upgrade: Upgrade): Promise<Buffer> {
    let answered = false;
    // Fires after a normal answer as well; only before it does it mean that Envoy has stopped waiting.
    call.once('cancelled', () => {
      if (!answered) this.#gate.abandon(upgrade);
    });
    this.#inFlight += 1;
    try {
      return this.#bytesOf(await this.#gate.admit(upgrade));
    } finally {
      answered = true;
      this.#inFlight -= 1;
      if (this.#inFlight === 0) this.#idle?.();
    }
  }

  #read(call: ServerUnaryCall<CheckRequest, Buffer>): Question {
    const { attributes } = call.request;
    const http = attributes?.request?.http;
    if (!attributes || !http) return { kind: 'malformed', missing: 'attributes.request.http' };
    const headers = headersOf(http);
    if (!isWebSocket(headers[UPGRADE])) return { kind: 'other' };
    const stream = identityOf(attributes.request?.time, attributes.source?.address);
    if (!stream) return { kind: 'malformed', missing: 'attributes.request.time or attributes.source.address' };

    const label = attributes.destination?.labels?.proxy_id;
    const proxy = this.#proxies.of(call, label);
    if (!proxy) return { kind: 'unknown', reason: 'PROXY_UNKNOWN', lookedAt: this.#proxies.explain(call, label) };
    const sight = sightOf(attributes, http, headers);
    const pod = this.#pods.podOf(sight);
    if (!pod) return { kind: 'unknown', reason: 'POD_UNKNOWN', lookedAt: this.#pods.explain(sight) };
    const path = withoutQuery(http.path ?? '').slice(0, PATH_LENGTH_MAX);
    return { kind: 'upgrade', upgrade: { pod, lease: leaseId(proxy, stream), path } };
  }

  /** An Envoy that waits no longer than the store may take would decide on its own, instead of outage.policy. */
  #compareDeadlines(call: ServerUnaryCall<CheckRequest, Buffer>): void {
    if (this.#deadlineTold || this.#storeDeadlineMs === undefined) return;
    const timeoutMs = Number(call.getDeadline()) - Date.now();
    if (timeoutMs > this.#storeDeadlineMs) return;
    this.#deadlineTold = true;
    this.#log.warn(
      { timeoutMs, storeDeadlineMs: this.#storeDeadlineMs, peer: call.getPeer() },
      "store.deadline should be well below the timeout of Envoy's ext_authz filter",
    );
  }

  /** What clients can bring about as often as they like is said once a second; the metrics count all of it. */
  #warn(fields: Record<string, unknown>, text: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#warnedAtMs < WARN_MS) {
      this.#unsaid += 1;
      return;
    }
    this.#log.warn({ ...fields, unsaid: this.#unsaid }, text);
    this.#warnedAtMs = nowMs;
    this.#unsaid = 0;
  }

  #bytesOf(verdict: Verdict): Buffer {
    return verdict.admitted ? this.#answers.allow(verdict.lease, verdict.pod) : this.#answers.deny(verdict.reason);
  }
}

type Headers = Readonly<Record<string, string>>;

/** Envoy sends the raw form instead when its `encode_raw_headers` is on. */
function headersOf({ headers, headerMap }: HttpRequest): Headers {
  if (headers || !headerMap?.headers) return headers ?? {};
  const text = new TextDecoder('latin1');
  const raw = headerMap.headers.map(({ key, rawValue, value }) => [
    key ?? '',
    rawValue ? text.decode(rawValue) : (value ?? ''),
  ]);
  return Object.fromEntries(raw);
}

function isWebSocket(upgrade: string | undefined): boolean {
  return upgrade !== undefined && /(^|[,\s])websocket([,\s]|$)/i.test(upgrade);
}

function sightOf(attributes: AttributeContext, http: HttpRequest, headers: Headers): Sight {
  return {
    routePod: stringField(attributes.routeMetadataContext?.filterMetadata?.wsgate, 'pod'),
    contextPod: attributes.contextExtensions?.pod,
    header: (name) => headers[name],
    path: http.path,
    host: http.host,
  };
}
