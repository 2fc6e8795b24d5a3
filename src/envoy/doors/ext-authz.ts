/**
 * ext_authz, `Authorization/Check`: before Envoy lets an upgrade through, it asks here. The question becomes an
 * upgrade, the gate's verdict becomes Envoy's answer.
 */

import { type handleUnaryCall, type Server, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Gate } from '../../admission/gate.ts';
import type { Verdict } from '../../admission/verdict.ts';
import { see } from '../../see.ts';
import type { Answers } from '../answers.ts';
import { endpointAt, endpointSent } from '../client-address.ts';
import { hostOf } from '../complaints.ts';
import type { AttributeContext, CheckRequest, HttpRequest } from '../messages.ts';
import type { Namesakes } from '../namesakes.ts';
import type { PodSources } from '../pod-sources.ts';
import type { AuthorizationService, EnvoyDecoders } from '../protos.ts';
import type { ProxyNames, Sender } from '../proxy-name.ts';
import { identityOf, identitySent } from '../stream-identity.ts';
import { stringField } from '../struct.ts';
import type { Denials, Lacking } from './denials.ts';
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
  /** How long the store may take to answer; undefined when it is in this process. */
  readonly storeDeadlineMs: number | undefined;
}

type CheckCall = ServerUnaryCall<CheckRequest, Buffer>;
type Callback = sendUnaryData<Buffer>;
type Asked = Extract<Reading, { upgrade: unknown }>;

export class ExtAuthzDoor {
  readonly #parts: ExtAuthzParts;
  #deadlineTold = false;
  #inFlight = 0;
  #idle: (() => void) | undefined;

  constructor(parts: ExtAuthzParts) {
    this.#parts = parts;
  }

  addTo(server: Server): void {
    const { service, decode } = this.#parts;
    const Check = { ...service.Check, requestDeserialize: decode, responseSerialize: (bytes: Buffer) => bytes };
    server.addService({ Check }, { Check: this.#check });
  }

  /** Resolves when no upgrade waits for its answer. */
  async idle(): Promise<void> {
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  readonly #check: handleUnaryCall<CheckRequest, Buffer> = (call, callback) => {
    const { pods, proxies, namesakes, answers, upgradesOnly } = this.#parts;
    const { attributes } = call.request;
    const http = attributes?.request?.http;
    if (!attributes || !http) return this.#malformed(call, callback, 'attributes.request.http');
    const headers = headersOf(http);
    const upgrade = headers[UPGRADE];
    if (!upgradesOnly && !isWebSocket(upgrade))
      return callback(null, upgrade === undefined ? answers.blind : answers.other);
    const sender = senderOf(call);
    const sight = sightOf(call, attributes, http, headers);
    const proxy = proxies.of(call, sender);
    if (proxy) namesakes.heard('address of its Checks', proxy, hostOf(call.getPeer()));
    const reading = readUpgrade(sight, proxy, pods);
    if ('upgrade' in reading) return this.#ask(call, callback, reading);
    switch (reading.missing) {
      case 'stream':
        return this.#malformed(call, callback, 'attributes.request.time or attributes.source.address');
      case 'proxy':
        return this.#refuse(call, callback, 'PROXY_UNKNOWN', proxies.explain(call, sender));
      case 'pod':
        return this.#refuse(call, callback, 'POD_UNKNOWN', pods.explain(sight));
    }
  };

  #malformed(call: CheckCall, callback: Callback, missing: string): void {
    this.#parts.denials.warn({ missing, peer: call.getPeer() }, 'a Check that no Envoy would send');
    callback({ code: status.INVALID_ARGUMENT, details: `${missing} is missing` });
  }

  #refuse(call: CheckCall, callback: Callback, reason: Lacking, lookedAt: readonly string[]): void {
    const { host, path } = call.request.attributes?.request?.http ?? {};
    const proxy = this.#parts.proxies.of(call, senderOf(call));
    this.#parts.denials.tell(reason, lookedAt, { path: shownPath(path), host, proxy, peer: call.getPeer() });
    callback(null, this.#bytesOf(this.#parts.gate.refuse(reason)));
  }

  #ask(call: CheckCall, callback: Callback, asked: Asked): void {
    this.#compareDeadlines(call);
    this.#answer(call, asked).then(
      (response) => callback(null, response),
      (error: unknown) => {
        this.#parts.log.error({ err: error }, 'a bug: a Check failed');
        callback({ code: status.INTERNAL, details: 'a bug in wsgate; its log has the details' });
      },
    );
  }

  async #answer(call: CheckCall, { upgrade, byRoute }: Asked): Promise<Buffer> {
    let answered = false;
    // Fires after a normal answer as well; only before it does it mean that Envoy has stopped waiting.
    call.once('cancelled', () => {
      if (!answered) this.#parts.gate.abandon(upgrade);
    });
    this.#inFlight += 1;
    try {
      return this.#bytesOf(await this.#parts.gate.admit(upgrade), byRoute);
    } finally {
      answered = true;
      this.#inFlight -= 1;
      if (this.#inFlight === 0) this.#idle?.();
    }
  }

  /** An Envoy that gives up before the store's deadline has passed decides by itself, instead of by outage.policy. */
  #compareDeadlines(call: CheckCall): void {
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
    return verdict.admitted ? answers.allow(verdict.lease, verdict.pod, byRoute) : answers.deny(verdict.reason);
  }
}

function senderOf({ request }: CheckCall): Sender {
  return { label: request.attributes?.destination?.labels?.proxy_id };
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

function sightOf(call: CheckCall, attributes: AttributeContext, http: HttpRequest, headers: Headers): RequestSight {
  return {
    // What is sent comes first: the address of a Check is the one that the PROXY protocol gave, and the log's is not.
    stream:
      identitySent(call.metadata, http.id) ?? identityOf(attributes.request?.time, attributes.source?.address, http.id),
    client: endpointSent(call.metadata) ?? endpointAt(attributes.source?.address),
    routePod: stringField(attributes.routeMetadataContext?.filterMetadata?.wsgate, 'pod'),
    context: (key) => attributes.contextExtensions?.[key],
    metadata: (namespace, key) =>
      stringField(attributes.routeMetadataContext?.filterMetadata?.[namespace], key) ??
      stringField(attributes.metadataContext?.filterMetadata?.[namespace], key),
    header: (name) => headers[name],
    path: http.path,
    host: http.host,
  };
}
