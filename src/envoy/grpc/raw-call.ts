/**
 * A gRPC call, served on the HTTP/2 stream itself: without what grpc-js does for calls of any kind, it costs less.
 *
 * And it tells more. grpc-js shows the same events when Envoy ends its half of a stream and when the stream breaks; here
 * they differ, and for a held stream that is the difference between a closed connection and an unknown one.
 */

import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { TLSSocket } from 'node:tls';
import { status } from '@grpc/grpc-js';
import type { PeerCertificate } from '../certificate-names.ts';
import { MessageReader } from './message-reader.ts';
import type { RoundTrips } from './round-trips.ts';

export interface RawHandler {
  message(bytes: Buffer): void;
  /** A message in the encoding of the call's `grpc-encoding`. Without this, such messages are refused. */
  compressed?(bytes: Buffer): void;
  /** The caller has ended its half. */
  ended(): void;
  /**
   * The stream is over before this side has ended it. `reset`: the caller did that; otherwise its connection broke.
   */
  broke(reset: boolean): void;
}

/** Of a connection. */
export interface Caller {
  /** As grpc-js names it. */
  readonly peer: string;
  readonly trips: RoundTrips;
}

const CONTENT_TYPE = 'application/grpc';
const UNSUPPORTED_MEDIA_TYPE = 415;
/** How long after each other it is looked whether trailers have left; after the last, their connection is stuck. */
const TRAILERS_MS = { first: 5, last: 5_000 };
const NONE: readonly string[] = [];
const NO_HEADERS: IncomingHttpHeaders = {};
const HEADERS = { ':status': 200, 'content-type': CONTENT_TYPE };

export class RawCall {
  /** Until the first answer: a call may stay open for days, and nobody looks at them after it. */
  headers: IncomingHttpHeaders;
  readonly #stream: ServerHttp2Stream;
  readonly #caller: Caller;
  #hasEnded = false;
  #isOver = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, caller: Caller) {
    this.#caller = caller;
    this.#stream = stream;
    this.headers = headers;
  }

  /** Nobody waits for an answer. */
  get isGone(): boolean {
    return this.#isOver || this.#stream.closed || this.#stream.destroyed;
  }

  /** The call's initial metadata, with `get` as grpc-js has it. */
  get metadata(): this {
    return this;
  }

  get(key: string): readonly string[] {
    const value = this.headers[key];
    if (value === undefined) return NONE;
    return Array.isArray(value) ? value : [value];
  }

  /** As grpc-js names it. */
  getPeer(): string {
    return this.#caller.peer;
  }

  /** As grpc-js has it, as far as it is looked at. */
  getAuthContext(): { sslPeerCertificate?: PeerCertificate } {
    const socket = this.#stream.session?.socket;
    if (!(socket instanceof TLSSocket && socket.authorized)) return {};
    const { subject, subjectaltname } = socket.getPeerCertificate();
    return subject === undefined ? {} : { sslPeerCertificate: { subject, subjectaltname } };
  }

  /** To be called once, before the stream flows. */
  serve(handler: RawHandler): void {
    const stream = this.#stream;
    stream.on('error', ignore); // `aborted` or `close` follows
    if (!this.headers['content-type']?.startsWith(CONTENT_TYPE)) {
      this.#isOver = true;
      stream.respond({ ':status': UNSUPPORTED_MEDIA_TYPE }, { endStream: true });
      return;
    }
    const reader = new MessageReader();
    const take = (bytes: Buffer, isCompressed: boolean) => {
      if (this.isGone) return;
      if (!isCompressed) handler.message(bytes);
      else if (handler.compressed) handler.compressed(bytes);
      else {
        this.end(status.UNIMPLEMENTED, 'compressed messages are not understood', {
          'grpc-accept-encoding': 'identity',
        });
        handler.broke(false);
      }
    };
    stream.on('data', (chunk: Buffer) => reader.read(chunk, take));
    const ended = () => {
      if (this.#isOver || this.#hasEnded) return;
      this.#hasEnded = true;
      handler.ended();
    };
    const broke = () => {
      if (this.#isOver) return;
      this.#isOver = true;
      handler.broke(stream.session?.destroyed === false && !stream.session.socket.destroyed);
    };
    stream.on('end', ended);
    stream.on('aborted', () => {
      // Envoy ends its half and resets the stream in one go: then this comes before `end`.
      if (hasEndedItsHalf(stream)) ended();
      broke();
    });
    stream.on('close', broke);
  }

  /**
   * Nothing when the call is over. One whose caller asks and does not read is broken off: answers would pile up. `read` is
   * called when the caller has read the message: an end of which this call is told before it, the caller may have sent
   * without having read it.
   */
  send(message: Uint8Array, read?: () => void): void {
    if (this.isGone) return;
    if (this.#stream.writableNeedDrain) {
      this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      return;
    }
    if (!this.#stream.headersSent) {
      this.headers = NO_HEADERS;
      this.#stream.respond(HEADERS, { waitForTrailers: true });
    }
    if (!read) this.#stream.write(framed(message));
    else this.#stream.write(framed(message), (error) => error || this.#caller.trips.whenRead(read));
  }

  /** The last message, and OK. */
  answer(message: Uint8Array): void {
    const { isGone } = this;
    this.#isOver = true;
    if (isGone) return;
    this.#stream.respond(HEADERS, { waitForTrailers: true });
    this.#trail({ 'grpc-status': status.OK });
    this.#stream.end(framed(message));
  }

  /** The caller gets this status, if it is still there. The handler is called no more. */
  end(code: status, details = '', more: Readonly<Record<string, string>> = {}): void {
    const { isGone } = this;
    this.#isOver = true;
    if (isGone) return;
    const stream = this.#stream;
    const trailers = {
      'grpc-status': code,
      ...(details === '' ? {} : { 'grpc-message': encodeURI(details) }),
      ...more,
    };
    if (stream.headersSent) {
      this.#trail(trailers);
      stream.end();
    } else {
      stream.respond({ ...HEADERS, ...trailers }, { endStream: true });
      this.#closeSoon();
    }
  }

  #trail(trailers: Readonly<Record<string, string | number>>): void {
    this.#stream.once('wantTrailers', () => {
      this.#stream.sendTrailers(trailers);
      this.#closeSoon();
    });
  }

  /** Resolves when nothing of it is left to be sent. */
  gone(): Promise<void> {
    if (this.#stream.destroyed) return Promise.resolve();
    return new Promise((resolve) => this.#stream.once('close', resolve));
  }

  #closeSoon(): void {
    if (!this.#hasEnded) setImmediate(() => closeWhenSent(this.#stream));
  }
}

/**
 * Or the caller could keep its half open for as long as it likes. A stream that is closed before its trailers have left is
 * one that breaks, for its caller; where many end at once, they wait for each other.
 */
function closeWhenSent(stream: ServerHttp2Stream, againMs = TRAILERS_MS.first): void {
  if (stream.destroyed) return;
  if (stream.state.localClose === 1 || againMs > TRAILERS_MS.last) stream.close();
  else setTimeout(closeWhenSent, againMs, stream, 2 * againMs).unref();
}

function ignore(): void {}

function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(5 + message.length);
  bytes[0] = 0; // not compressed
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}

/**
 * Node tells of the end of the other half a turn later, and of a reset at once. What it has read by then stands in the
 * state of the stream.
 */
function hasEndedItsHalf(stream: ServerHttp2Stream): boolean {
  const state: unknown = Reflect.get(stream, '_readableState');
  return typeof state === 'object' && state !== null && Reflect.get(state, 'ended') === true;
}
