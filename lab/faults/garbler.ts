/**
 * Stands between the Envoys' access logs and the gates, and loses, doubles and delays entries. (A log stream's first
 * message says who speaks; without it nothing of the stream could be understood, so it passes.)
 */

import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServiceError,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import type { HttpAccessLogEntry } from '../../src/envoy/messages.ts';
import { loadServices } from '../../src/envoy/protos.ts';
import { identityOf } from '../../src/envoy/stream-identity.ts';
import type { Random } from '../fleet/random.ts';
import { ForwardedStream } from './forwarded-stream.ts';

/** Of entries. */
const LOST = 0.3;
const DOUBLED = 0.2;
const DELAYED = 0.2;
export const DELAY_MS_MAX = 1_000;
/** In a row, of one connection. A ttl is four flush intervals: it bears as many, and one that is late. */
export const LOST_IN_A_ROW_MAX = 2;

/** How many entries make the beginning of a connection: one for its opening, one periodic entry. */
const OPENING = 2;

/**
 * `random`: of all entries, some are lost, doubled, late. `openings`: each connection's first two are lost. `flaps`: none
 * is lost, but streams break again and again. `ghosts`: ends are lost, and periodic entries come again and again.
 */
export type Garbling = 'random' | 'openings' | 'flaps' | 'ghosts';

export const GHOSTS = { everyMs: 1_000, forMs: 8_000 } as const;
const AGAIN_MS = Array.from({ length: GHOSTS.forMs / GHOSTS.everyMs + 1 }, (_, times) => times * GHOSTS.everyMs);

const { StreamAccessLogs: method } = loadServices().accessLog;
const same = (bytes: Buffer) => bytes;

export class Garbler {
  readonly #server = new Server();
  readonly #gates: readonly Client[];
  readonly #random: Random;
  readonly #timers = new Set<NodeJS.Timeout>();
  #streams = 0;
  #garbling: Garbling | undefined;
  /** By the connection's identity: how many entries of it have come. */
  readonly #entries = new Map<string, number>();
  /** By the connection's identity: how many of its entries were lost, one after the other. */
  readonly #lost = new Map<string, number>();

  private constructor(gates: readonly string[], random: Random) {
    this.#gates = gates.map((address) => new Client(address, credentials.createInsecure()));
    this.#random = random;
  }

  /** `gates`: `host:port` each. Resolves with it and its port. */
  static async start(gates: readonly string[], random: Random): Promise<{ garbler: Garbler; port: number }> {
    const garbler = new Garbler(gates, random);
    const raw = {
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    garbler.#server.addService(
      { StreamAccessLogs: { ...method, ...raw } },
      {
        StreamAccessLogs: (call: ServerReadableStream<Buffer, Buffer>, callback: sendUnaryData<Buffer>) =>
          garbler.#pass(call, callback),
      },
    );
    const port = await new Promise<number>((resolve, reject) => {
      garbler.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return { garbler, port };
  }

  begin(garbling: Garbling): void {
    this.#garbling = garbling;
  }

  end(): void {
    this.#garbling = undefined;
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.forceShutdown();
    for (const gate of this.#gates) gate.close();
  }

  #pass(call: ServerReadableStream<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void {
    const gate = this.#gates[this.#streams++ % this.#gates.length];
    if (!gate) throw new Error('a garbler needs a gate');
    const open = (ended: (error: ServiceError | null) => void) =>
      gate.makeClientStreamRequest(method.path, same, same, call.metadata.clone(), ended);
    const onward = new ForwardedStream(open, () => this.#garbling === 'flaps');
    onward.failed((error) => callback({ code: status.UNAVAILABLE, details: error.details }));
    let first = true;
    call.on('data', (bytes: Buffer) => {
      if (first) onward.introducedBy(introductionOf(bytes));
      for (const delayMs of first ? [0] : this.#fate(bytes)) this.#later(delayMs, () => onward.write(bytes));
      first = false;
    });
    call.on('end', () => {
      onward.end();
      callback(null, Buffer.alloc(0));
    });
    call.on('cancelled', () => onward.cancel());
    call.on('error', () => onward.cancel());
  }

  /** When to pass an entry on: not at all, once, or twice. */
  #fate(bytes: Buffer): number[] {
    const entry = method.requestDeserialize(bytes).httpLogs?.logEntry?.[0];
    const { startTime, downstreamDirectRemoteAddress } = entry?.commonProperties ?? {};
    const identity = identityOf(startTime, downstreamDirectRemoteAddress) ?? '';
    const place = this.#placeOf(entry, identity);
    if (this.#garbling === undefined || this.#garbling === 'flaps') return [0];
    if (this.#garbling === 'openings') return place <= OPENING ? [] : [0];
    if (this.#garbling === 'ghosts') return entry?.commonProperties?.accessLogType === 'DownstreamEnd' ? [] : AGAIN_MS;
    if (this.#loses(identity)) return [];
    const when = () => (this.#random.chance(DELAYED) ? this.#random.below(DELAY_MS_MAX) : 0);
    return this.#random.chance(DOUBLED) ? [when(), when()] : [when()];
  }

  #loses(identity: string): boolean {
    const before = this.#lost.get(identity) ?? 0;
    const isLost = this.#random.chance(LOST) && before < LOST_IN_A_ROW_MAX;
    this.#lost.set(identity, isLost ? before + 1 : 0);
    return isLost;
  }

  /** The entry's number among those of its connection, from 1; infinite for an end, which is never an opening. */
  #placeOf(entry: HttpAccessLogEntry | undefined, identity: string): number {
    if (identity === '' || entry?.commonProperties?.accessLogType === 'DownstreamEnd') return Number.POSITIVE_INFINITY;
    const place = (this.#entries.get(identity) ?? 0) + 1;
    this.#entries.set(identity, place);
    return place;
  }

  #later(delayMs: number, act: () => void): void {
    if (delayMs === 0) {
      act();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, delayMs);
    this.#timers.add(timer);
  }
}

/** Of a log stream's first message: who speaks, without the entry. */
function introductionOf(message: Buffer): Buffer {
  const { identifier } = method.requestDeserialize(message);
  return method.requestSerialize(identifier ? { identifier } : {});
}
