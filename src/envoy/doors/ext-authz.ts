/**
 * ext_authz, `Authorization/Check`: before Envoy lets an upgrade through, it asks here. The question becomes an
 * upgrade, the gate's verdict becomes Envoy's answer.
 */

import { type handleUnaryCall, type Server, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Gate } from '../../admission/gate.ts';
import type { Verdict } from '../../admission/verdict.ts';
import { see } from '../../see.ts';
import type { Answers } from '../answers.ts';
import { endpointAt, endpointSent } from '../client-address.ts';
import { hostOf } from '../complaints.ts';
import type { RawMethod, RawMethods } from '../grpc/raw-calls.ts';
import { type Answer, serveUnary, type Unary } from '../grpc/unary-call.ts';
import type { AttributeContext, CheckRequest, HttpRequest } from '../messages.ts';
import type { Namesakes } from '../namesakes.ts';
import type { PodSources } from '../pod-sources.ts';
import type { AuthorizationService, EnvoyDecoders } from '../protos.ts';
import type { ProxyNames, Sender } from '../proxy-name.ts';
import { identityOf, identitySent } from '../stream-identity.ts';
import { stringField } from '../struct.ts';
import type { Denials, Denied, Lacking } from './denials.ts';
import { isWebSocket, type Reading, type RequestSight, readUpgrade, shownPath, UPGRADE } from './request.ts';

export interface ExtAuthzParts {
  readonly gate: Gate;
  readonly pods: PodSources;
  readonly proxies: ProxyNames;
  readonly namesakes: Namesakes;
  readonly answers: Answers;
  readonly denials: Denials;
  readonly service: AuthorizationService;
  readonly decode: EnvoyDecoders['check'];
  readonly log: Logger;
  /** Each Check is taken for an upgrade, whatever headers it shows. */
  readonly upgradesOnly: boolean;
  /** Checks are served by grpc-js, not on the HTTP/2 server beneath it. */
  readonly byGrpcJs: boolean;
  readonly messageBytesMax: number;
  /** How long the store may take to answer; undefined when it is in this process. */
  readonly storeDeadlineMs: number | undefined;
}

type Asked = Extract<Reading, { upgrade: unknown }>;

export class ExtAuthzDoor {
  readonly raw: RawMethods;
  readonly #parts: ExtAuthzParts;
  #deadlineTold = false;
  #inFlight = 0;
  #idle: (() => void) | undefined;

  constructor(parts: ExtAuthzParts) {
    const { byGrpcJs, decode, messageBytesMax, service } = parts;
    const method = { decode, messageBytesMax, serve: this.#check };
    const raw: RawMethod = { isHeld: false, serve: (call) => serveUnary(call, method) };
    this.#parts = parts;
    this.raw = new Map(byGrpcJs ? [] : [[service.Check.path, raw]]);
  }

  /** For the Checks that are not served as `raw`. */
  addTo(server: Server): void {
    const { service, decode } = this.#parts;
    const Check = { ...service.Check, requestDeserialize: decode, responseSerialize: (bytes: Buffer) => bytes };
    const check: handleUnaryCall<CheckRequest, Buffer> = (call, answer) => this.#check(call.request, call, answer);
    server.addService({ Check }, { Check: check });
  }

  /** Resolves when no upgrade waits for its answer. */
  async idle(): Promise<void> {
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  readonly #check = (request: CheckRequest, call: Unary, answer: Answer): void => {
    try {
      this.#read(request, call, answer);
    } catch (error) {
      this.#bug(error, answer);
    }
  };

  #read({ attributes }: CheckRequest, call: Unary, answer: Answer): void {
    const { answers, upgradesOnly } = this.#parts;
    const http = attributes?.request?.http;
    if (!attributes || !http) {
      this.#malformed(call, answer, 'attributes.request.http');
      return;
    }
    const headers = headersOf(http);
    const upgrade = headers[UPGRADE];
    if (upgradesOnly || isWebSocket(upgrade))
      this.#upgrade(attributes, sightOf(call, attributes, http, headers), call, answer);
    else answer(null, upgrade === undefined ? answers.blind : answers.other);
  }

  #upgrade(attributes: AttributeContext, sight: RequestSight, call: Unary, answer: Answer): void {
    const { namesakes, pods, proxies } = this.#parts;
    const sender: Sender = { label: attributes.destination?.labels?.proxy_id };
    const proxy = proxies.of(call, sender);
    if (proxy) namesakes.heard('address of its Checks', proxy, hostOf(call.getPeer()));
    const reading = readUpgrade(sight, proxy, pods);
    const denied = () => ({ path: shownPath(sight.path), host: sight.host, proxy, peer: call.getPeer() });
    if ('upgrade' in reading) void this.#ask(call, answer, reading);
    else if (reading.missing === 'proxy')
      this.#refuse(answer, 'PROXY_UNKNOWN', proxies.explain(call, sender), denied());
    else if (reading.missing === 'pod') this.#refuse(answer, 'POD_UNKNOWN', pods.explain(sight), denied());
    else this.#malformed(call, answer, 'attributes.request.time or attributes.source.address');
  }

  #malformed(call: Unary, answer: Answer, missing: string): void {
    this.#parts.denials.warn({ missing, peer: call.getPeer() }, 'a Check that no Envoy would send');
    answer({ code: status.INVALID_ARGUMENT, details: `${missing} is missing` });
  }

  #refuse(answer: Answer, reason: Lacking, lookedAt: readonly string[], denied: Denied): void {
    this.#parts.denials.tell(reason, lookedAt, denied);
    answer(null, this.#bytesOf(this.#parts.gate.refuse(reason)));
  }

  async #ask(call: Unary, answer: Answer, { upgrade, byRoute }: Asked): Promise<void> {
    this.#compareDeadlines(call);
    let answered = false;
    // Fires after a normal answer as well; only before it does it mean that Envoy has stopped waiting.
    call.once('cancelled', () => {
      if (!answered) this.#parts.gate.abandon(upgrade);
    });
    this.#inFlight += 1;
    try {
      const verdict = await this.#parts.gate.admit(upgrade, Number(call.getDeadline()) - Date.now());
      answered = true;
      answer(null, this.#bytesOf(verdict, byRoute));
    } catch (error) {
      this.#bug(error, answer);
    } finally {
      answered = true;
      this.#inFlight -= 1;
      if (this.#inFlight === 0) this.#idle?.();
    }
  }

  #bug(error: unknown, answer: Answer): void {
    this.#parts.log.error({ err: error }, 'a bug: a Check failed');
    answer({ code: status.INTERNAL, details: 'a bug in wsgate; its log has the details' });
  }

  /** An Envoy that gives up before the store's deadline has passed decides by itself, instead of by outage.policy. */
  #compareDeadlines(call: Unary): void {
    const { storeDeadlineMs } = this.#parts;
    if (this.#deadlineTold || storeDeadlineMs === undefined) return;
    const timeoutMs = Number(call.getDeadline()) - Date.now();
    if (timeoutMs > storeDeadlineMs) return;
    this.#deadlineTold = true;
    this.#parts.log.warn(
      { timeoutMs, storeDeadlineMs, peer: call.getPeer(), see: see('deadline-too-long') },
      "store.deadline should be well below the timeout of Envoy's ext_authz filter",
    );
  }

  #bytesOf(verdict: Verdict, byRoute = false): Buffer {
    const { answers } = this.#parts;
    return verdict.admitted
      ? answers.allow(verdict.lease, verdict.pod, byRoute, verdict.others)
      : answers.deny(verdict.reason);
  }
}

type Headers = Readonly<Record<string, string>>;

/** With `encode_raw_headers`, Envoy sends `headerMap` instead of `headers`. There a header that came twice stands twice. */
function headersOf({ headers, headerMap }: HttpRequest): Headers {
  if (headers || !headerMap?.headers) return headers ?? {};
  const text = new TextDecoder('latin1');
  const joined: Record<string, string> = Object.create(null);
  for (const { key = '', rawValue, value = '' } of headerMap.headers) {
    const one = rawValue ? text.decode(rawValue) : value;
    joined[key] = joined[key] === undefined ? one : `${joined[key]},${one}`;
  }
  return joined;
}

function sightOf(call: Unary, attributes: AttributeContext, http: HttpRequest, headers: Headers): RequestSight {
  return {
    // What is sent comes first: the address of a Check is the one that the PROXY protocol gave, and the log's is not.
    stream:
      identitySent(call.metadata, http.id) ?? identityOf(attributes.request?.time, attributes.source?.address, http.id),
    client: endpointSent(call.metadata) ?? endpointAt(attributes.source?.address),
    routePod: stringField(attributes.routeMetadataContext?.filterMetadata?.wsgate, 'pod'),
    routeName: undefined,
    routeService: stringField(attributes.routeMetadataContext?.filterMetadata?.wsgate, 'service'),
    context: (key) => attributes.contextExtensions?.[key],
    metadata: (namespace, key) =>
      stringField(attributes.routeMetadataContext?.filterMetadata?.[namespace], key) ??
      stringField(attributes.metadataContext?.filterMetadata?.[namespace], key),
    header: (name) => headers[name],
    path: http.path,
    host: http.host,
  };
}
