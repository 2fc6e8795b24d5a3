/**
 * WebSockets that Envoys hold at a gate: a stream of the hold door for each, a thousand on a connection. No WebSocket and no
 * Envoy is behind them, so fifty thousand fit a machine.
 */

import { once } from 'node:events';
import { type ClientHttp2Stream, constants } from 'node:http2';
import { framed, GrpcConnection, HOLD_PATH } from './grpc-client.ts';
import { closedLoop } from './load.ts';
import { holdBytes, holdMetadata, newStream, type Stream } from './messages.ts';

/** As Envoy does at the gate's default `listen.streamsMax`. */
const STREAMS_PER_CONNECTION = 1_000;
/** Few holds need several connections, too, as of a few Envoys. */
const CONNECTIONS_MIN = 4;
const AT_ONCE = 64;

/** Spread evenly over the pods. */
export function newStreams(count: number, pods: number): Stream[] {
  return Array.from({ length: count }, (_, i) => newStream(`pod${i % pods}`));
}

interface Call {
  readonly stream: ClientHttp2Stream;
  /** gRPC's, undefined until the server has ended the stream. */
  status: string | undefined;
}

export class HeldCrowd {
  readonly #connections: readonly GrpcConnection[];
  readonly #calls: Call[] = [];

  private constructor(connections: readonly GrpcConnection[]) {
    this.#connections = connections;
  }

  /** With room for so many streams. */
  static async at(address: string, streams: number, proxy: string): Promise<HeldCrowd> {
    const connections: GrpcConnection[] = [];
    const count = Math.max(CONNECTIONS_MIN, Math.ceil(streams / STREAMS_PER_CONNECTION));
    while (connections.length < count) connections.push(await GrpcConnection.to(address, proxy));
    return new HeldCrowd(connections);
  }

  /** Resolves when each has its answer. */
  async open(streams: readonly Stream[]): Promise<void> {
    const questions = streams.map((stream) => ({ metadata: holdMetadata(stream), frame: framed(holdBytes(stream)) }));
    await closedLoop(questions, AT_ONCE, ({ metadata, frame }) => this.#ask(metadata, frame));
  }

  /** As Envoy does when its WebSockets are over. Resolves when the server has read it. */
  async end(): Promise<void> {
    for (const { stream } of this.#calls.splice(0)) {
      stream.end();
      stream.close(constants.NGHTTP2_CANCEL);
    }
    await Promise.all(this.#connections.map((connection) => connection.readAll()));
  }

  /** How many streams the server has ended with this gRPC status. */
  with(status: string): number {
    return this.#calls.filter((call) => call.status === status).length;
  }

  /** Resolves when the server has ended all streams, or their connections. */
  async over(): Promise<void> {
    const closed = (stream: ClientHttp2Stream) => new Promise<void>((resolve) => stream.once('close', resolve));
    await Promise.all(this.#calls.map(({ stream }) => stream.destroyed || closed(stream)));
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  async #ask(metadata: Readonly<Record<string, string>>, frame: Buffer): Promise<void> {
    const connection = this.#connections[this.#calls.length % this.#connections.length];
    if (!connection) return;
    const stream = connection.stream(HOLD_PATH, metadata);
    const call: Call = { stream, status: undefined };
    this.#calls.push(call);
    stream.on('error', () => {}); // the gate is gone
    stream.once('trailers', (trailers) => {
      call.status = String(trailers['grpc-status']);
    });
    stream.write(frame);
    await once(stream, 'data');
    stream.resume();
  }
}
