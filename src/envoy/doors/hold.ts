/**
 * The hold door, ext_proc's `ExternalProcessor/Process`: one stream for each request. It asks for an upgrade as a Check
 * does, and of one that is let in it stays open for as long as the WebSocket. So it tells that the connection lives, and
 * when it ends; and by an answer on it Envoy closes the connection.
 *
 * Where an earlier ext_authz filter has asked, and its metadata is forwarded, this door only holds.
 *
 * A stream that Envoy ends means: before the answer, that nobody waits for it any more; after it, that the WebSocket is
 * closed. A stream that breaks says nothing about the WebSocket, and Envoy never opens another one for it.
 *
 * Before the answer is: before Envoy has read it. Where Envoy asks no further filter whether there was an answer
 * (envoy/edge-hold.yaml), it opens the WebSocket when `message_timeout` has passed, and ends the stream. So where this door
 * only holds, it does so once Envoy is known to have read the answer: an end before says nothing of the WebSocket, and a
 * stream that this gate reads late, because it hung, does not count a connection that is long gone.
 */

import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { chunks } from '../../admission/chunks.ts';
import type { Gate } from '../../admission/gate.ts';
import { type PodId, type ProxyId, proxyOf, startOf } from '../../admission/ids.ts';
import type { Held, Holds } from '../../admission/ledger/holds.ts';
import type { AnyUpgrade, DenialReason } from '../../admission/verdict.ts';
import { within } from '../../within.ts';
import { clientBeside, endpointOf, endpointSent } from '../client-address.ts';
import type { Complaints } from '../complaints.ts';
import type { RawCall } from '../grpc/raw-call.ts';
import type { RawMethods } from '../grpc/raw-calls.ts';
import type { HoldAnswers, Later } from '../hold-answers.ts';
import type { ProcessingRequest } from '../messages.ts';
import type { PodSources } from '../pod-sources.ts';
import { ATTRIBUTES, type EnvoyDecoders, EXT_PROC, type ExternalProcessorService, routeAttribute } from '../protos.ts';
import type { ProxyNames } from '../proxy-name.ts';
import { type Place, placeOf } from '../route-now.ts';
import { identityOfTexts, identitySent, PEER, START } from '../stream-identity.ts';
import { stringField } from '../struct.ts';
import { toldLease } from '../told-lease.ts';
import type { Denials, Lacking } from './denials.ts';
import { isWebSocket, type RequestSight, readUpgrade, shownPath, UPGRADE } from './request.ts';

/** Streams that are let go in one turn of the event loop, so that what is sent of them leaves the process meanwhile. */
const LET_GO_AT_ONCE = 500;
/** When no Envoy has read any more of it for so long, those that have not hang. */
const READ_WITHIN_MS = 1_000;

export interface HoldParts {
  readonly gate: Gate;
  readonly holds: Holds;
  readonly pods: PodSources;
  readonly proxies: ProxyNames;
  readonly complaints: Complaints;
  readonly denials: Denials;
  readonly answers: HoldAnswers;
  readonly service: ExternalProcessorService;
  readonly decode: EnvoyDecoders['processing'];
  readonly log: Logger;
}

/** Of a random UUID: as much as fits into an identity. */
const ID_LENGTH = 17;

export class HoldDoor {
  readonly raw: RawMethods;
  readonly #parts: HoldParts;
  readonly #streams = new Set<HoldStream>();

  constructor(parts: HoldParts) {
    this.#parts = parts;
    this.raw = new Map([[parts.service.Process.path, { isHeld: true, serve: (call) => this.#serve(call) }]]);
  }

  /** Resolves when no upgrade waits for its answer. */
  async idle(): Promise<void> {
    await Promise.all([...this.#streams].map(({ answered }) => answered));
  }

  /**
   * Ends all streams in the way that closes no WebSocket. Nobody will hold these again. Resolves when Envoys have been
   * sent it, or take too long to read it.
   */
  async letGo(): Promise<void> {
    const streams = [...this.#streams];
    let left = streams.length;
    const going: Promise<unknown>[] = [];
    for (const some of chunks(streams, LET_GO_AT_ONCE)) {
      for (const stream of some) going.push(stream.letGo().then(() => --left));
      await nextTurn();
    }
    for (const stream of this.#streams) void stream.letGo(); // that came meanwhile
    for (let before = left + 1; left < before; ) {
      before = left;
      if (await within(READ_WITHIN_MS, Promise.all(going))) return;
    }
  }

  #serve(call: RawCall): void {
    const stream = new HoldStream(call, this.#parts, () => this.#streams.delete(stream));
    this.#streams.add(stream);
    call.serve(stream);
  }
}

/** What is told with an answer, beside its lease and pod. */
interface Told {
  readonly byRoute: boolean;
  /** Further pods that Envoy may try. */
  readonly others?: readonly PodId[] | undefined;
}

/** One request of an Envoy. */
class HoldStream {
  /** Resolves when its upgrade has its answer; undefined where none was asked for. */
  answered: Promise<void> | undefined;
  readonly #call: RawCall;
  readonly #parts: HoldParts;
  readonly #over: () => void;
  #asking: AnyUpgrade | undefined;
  #held: Held | undefined;
  /** Whether it was answered that the WebSocket may open. */
  #isLetIn = false;
  #isClosing = false;
  #isOver = false;

  constructor(call: RawCall, parts: HoldParts, over: () => void) {
    this.#call = call;
    this.#parts = parts;
    this.#over = over;
  }

  message(bytes: Uint8Array): void {
    const request = this.#decode(bytes);
    if (!request) this.#end(status.INVALID_ARGUMENT, 'not the bytes of a ProcessingRequest');
    else if (request.requestHeaders) this.#begin(request);
    else for (const later of laterOf(request)) this.#call.send(this.#parts.answers.goOn(later));
  }

  ended(): void {
    this.#over();
    this.#abandon();
    if (this.#held) this.#parts.holds.ended(this.#held);
    this.#isOver = true;
    this.#call.end(status.OK);
  }

  broke(reset: boolean): void {
    // Envoy resets the stream on which it was told to close the WebSocket, and does not end its half.
    if (reset && this.#isClosing) {
      this.ended();
      return;
    }
    this.#isOver = true;
    this.#over();
    this.#abandon();
    if (this.#held) this.#parts.holds.lost(this.#held);
  }

  /** Envoy opens no second stream for a request, and no log may tell that nothing came of it. */
  #abandon(): void {
    if (this.#asking) this.#parts.gate.giveUp(this.#asking);
    this.#asking = undefined;
  }

  /** OK before an answer would let the WebSocket in. Resolves when it is sent. */
  letGo(): Promise<void> {
    if (this.#isLetIn) this.#end(status.OK);
    else this.#end(status.UNAVAILABLE, 'this gate stops');
    return this.#call.gone();
  }

  #begin(request: ProcessingRequest): void {
    const sight = sightOf(request, this.#call);
    if (this.#asking || this.#isLetIn) this.#end(status.INVALID_ARGUMENT, 'the headers of a request come once');
    else if (isWebSocket(sight.header(UPGRADE))) this.#upgrade(request, sight);
    else this.#answer(this.#parts.answers.other);
  }

  #upgrade(request: ProcessingRequest, sight: RequestSight): void {
    const { pods, proxies } = this.#parts;
    const node = stringField(request.attributes?.[EXT_PROC], ATTRIBUTES.node);
    const proxy = proxies.of(this.#call, { node });
    // Where ext_authz was asked before, the lease that it got. Whoever proves its name speaks for no other.
    const asked = toldLease(request.metadataContext, sight.stream && startOf(sight.stream));
    if (asked && !(proxies.certified && proxyOf(asked.lease) !== proxy)) {
      const client = clientBeside(asked.lease, sight.client);
      const place = placeOf(asked, sight.routePod, pods);
      const given = { ...place, path: shownPath(sight.path), client, isGiven: true };
      this.#letIn(place, asked, () => this.#hold(given));
      if (place.movedFrom !== undefined) this.#tellRerouted(place, sight);
    } else this.#ask(sight, node, proxy);
  }

  #tellRerouted({ pod, movedFrom, lease }: Place, { path, host }: RequestSight): void {
    const fields = { from: movedFrom, pod, path: shownPath(path), host, peer: this.#call.getPeer() };
    this.#parts.complaints.say('rerouted', proxyOf(lease), fields);
  }

  #ask(sight: RequestSight, node: string | undefined, proxy: ProxyId | undefined): void {
    const { pods, proxies } = this.#parts;
    const reading = readUpgrade(sight, proxy, pods);
    if ('upgrade' in reading) {
      if (proxy) this.#parts.holds.usedBy(proxy);
      this.#asking = reading.upgrade;
      this.answered = this.#decide(reading.upgrade, reading.byRoute);
    } else if (reading.missing === 'stream') {
      this.#end(status.INVALID_ARGUMENT, `${START} and ${PEER}, or request.time and source.address, are missing`);
    } else if (reading.missing === 'pod') this.#refuse('POD_UNKNOWN', pods.explain(sight), sight, proxy);
    else this.#refuse('PROXY_UNKNOWN', proxies.explain(this.#call, { node }), sight, proxy);
  }

  #refuse(reason: Lacking, lookedAt: readonly string[], { path, host }: RequestSight, proxy?: ProxyId): void {
    const { denials, gate } = this.#parts;
    denials.tell(reason, lookedAt, { path: shownPath(path), host, proxy, peer: this.#call.getPeer() });
    gate.refuse(reason);
    this.#deny(reason);
  }

  async #decide(upgrade: AnyUpgrade, byRoute: boolean): Promise<void> {
    try {
      const verdict = await this.#parts.gate.admit(upgrade);
      if (this.#asking !== upgrade) return;
      if (verdict.admitted) {
        const place = { ...upgrade, pod: verdict.pod };
        // An Envoy that has given this answer up does not open the WebSocket: `admitted_only` in envoy/hold.yaml.
        this.#hold(place);
        this.#letIn(place, { byRoute, others: verdict.others });
      } else this.#deny(verdict.reason);
    } catch (error) {
      this.#parts.log.error({ err: error }, 'a bug: a question of the hold door failed');
      this.#end(status.INTERNAL, 'a bug in wsgate; its log has the details');
    }
  }

  #hold(place: Omit<Held, 'close'>): void {
    if (this.#isOver) return;
    const { answers, holds } = this.#parts;
    const close = (reason: string) => {
      this.#isClosing = true;
      this.#call.send(answers.close(reason));
    };
    this.#held = { ...place, close };
    holds.open(this.#held);
  }

  /** `read`: called when Envoy is known to have read the answer. */
  #letIn({ lease, pod }: Place, { byRoute, others }: Told, read?: () => void): void {
    this.#asking = undefined;
    this.#isLetIn = true;
    this.#call.send(this.#parts.answers.allow(lease, pod, byRoute, others), read);
  }

  #deny(reason: DenialReason): void {
    this.#asking = undefined;
    this.#answer(this.#parts.answers.deny(reason));
  }

  /** With what is the last message. */
  #answer(message: Uint8Array): void {
    this.#over();
    this.#call.answer(message);
  }

  /** By this gate, which holds the connection no longer if it did. */
  #end(code: status, details?: string): void {
    this.#isOver = true;
    this.#over();
    if (this.#held) this.#parts.holds.lost(this.#held);
    this.#call.end(code, details);
  }

  #decode(bytes: Uint8Array): ProcessingRequest | undefined {
    try {
      return this.#parts.decode(bytes);
    } catch {
      return undefined;
    }
  }
}

function laterOf({ requestHeaders: _, metadataContext: __, attributes: ___, ...later }: ProcessingRequest): Later[] {
  return Object.keys(later) as Later[];
}

function sightOf({ requestHeaders, metadataContext, attributes }: ProcessingRequest, call: RawCall): RequestSight {
  const shown = attributes?.[EXT_PROC];
  // Envoy shows no number of the request here. It asks once for each: one of the gate's own tells them apart as well.
  const id = randomUUID().slice(-ID_LENGTH);
  const header = (name: string) => {
    const found = requestHeaders?.headers?.headers?.filter(({ key }) => key === name) ?? [];
    const values = found.map(({ rawValue, value }) => (rawValue ? Buffer.from(rawValue).toString('latin1') : value));
    return values.length === 0 ? undefined : values.join(',');
  };
  return {
    stream:
      identitySent(call.metadata, id) ??
      identityOfTexts(stringField(shown, ATTRIBUTES.time), stringField(shown, ATTRIBUTES.peer), id),
    client: endpointSent(call.metadata) ?? endpointOf(stringField(shown, ATTRIBUTES.peer)),
    routePod: stringField(shown, ATTRIBUTES.pod),
    routeName: stringField(shown, ATTRIBUTES.routeName),
    routeService: stringField(shown, ATTRIBUTES.service),
    context: () => undefined,
    metadata: (namespace, key) =>
      stringField(shown, routeAttribute(namespace, key)) ??
      stringField(metadataContext?.filterMetadata?.[namespace], key),
    header,
    path: header(':path'),
    host: header(':authority'),
  };
}
