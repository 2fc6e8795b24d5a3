/**
 * A gRPC call of many messages in both directions, served on the HTTP/2 stream itself. grpc-js shows the same events when
 * Envoy ends its half of a stream and when the stream breaks; here they differ, and for a held stream that is the
 * difference between a closed connection and an unknown one. It also takes a third of the memory.
 */

import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { TLSSocket } from 'node:tls';
import { status } from '@grpc/grpc-js';
import type { PeerCertificate } from '../certificate-names.ts';
import { peerOf } from './keepalives.ts';
import { MessageReader } from './message-reader.ts';

export interface RawHandler {
  /** Its bytes are only good until this returns. */
  message(bytes: Uint8Array): void;
  /** The caller has ended its half. */
  ended(): void;
  /**
   * The stream is over before either side had ended it. `reset`: the caller did that; otherwise its connection broke.
   */
  broke(reset: boolean): void;
}

const CONTENT_TYPE = 'application/grpc';
const UNSUPPORTED_MEDIA_TYPE = 415;
/** How long after each other it is looked whether trailers have left; after the last, their connection is stuck. */
const TRAILERS_MS = { first: 5, last: 5_000 };

export class RawCall {
  readonly #stream: ServerHttp2Stream;
  /** Until the first answer: a call may stay open for days, and nobody looks at them after it. */
  #headers: IncomingHttpHeaders | undefined;
  #isOver = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.#stream = stream;
    this.#headers = headers;
  }

  /** As grpc-js names it. */
  getPeer(): string {
    return this.#stream.session ? peerOf(this.#stream.session) : 'unknown';
  }

  /** The call's initial metadata, as grpc-js has it. */
  get metadata() {
    const headers = this.#headers;
    return {
      get(key: string): string[] {
        const value = headers?.[key];
        return value === undefined ? [] : [value].flat();
      },
    };
  }

  /** As grpc-js has it, as far as it is looked at. */
  getAuthContext(): { sslPeerCertificate?: PeerCertificate } {
    const socket = this.#stream.session?.socket;
    if (!(socket instanceof TLSSocket)) return {};
    const { subject, subjectaltname } = socket.getPeerCertificate();
    return subject === undefined ? {} : { sslPeerCertificate: { subject, subjectaltname } };
  }

  /** To be called once, before the stream flows. */
  serve(handler: RawHandler): void {
    const stream = this.#stream;
    stream.on('error', () => {}); // `aborted` or `close` follows
    if (!this.#headers?.['content-type']?.startsWith(CONTENT_TYPE)) {
      this.#isOver = true;
      stream.respond({ ':status': UNSUPPORTED_MEDIA_TYPE }, { endStream: true });
      return;
    }
    const reader = new MessageReader();
    stream.on('data', (chunk: Buffer) => {
      for (const message of reader.read(chunk)) {
        if (this.#isOver) return;
        if (message === 'compressed') this.end(status.UNIMPLEMENTED, 'compressed messages are not understood');
        else handler.message(message);
      }
    });
    const over = (hasEnded: boolean) => {
      if (this.#isOver) return;
      if (hasEnded) handler.ended();
      else handler.broke(stream.session?.destroyed === false && !stream.session.socket.destroyed);
      this.end(status.OK);
    };
    stream.once('end', () => over(true));
    // Envoy ends its half and resets the stream in one go: then this comes first.
    stream.once('aborted', () => over(hasEndedItsHalf(stream)));
    stream.once('close', () => over(false));
  }

  /** Nothing when the call is over. One whose caller asks and does not read is broken off: answers would pile up. */
  send(message: Uint8Array): void {
    if (this.#isOver || this.#stream.closed) return;
    if (this.#stream.writableNeedDrain) {
      this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      return;
    }
    this.#respond();
    const framed = Buffer.allocUnsafe(5 + message.length);
    framed[0] = 0;
    framed.writeUInt32BE(message.length, 1);
    framed.set(message, 5);
    this.#stream.write(framed);
  }

  /** The caller gets this status, if it is still there. The handler is called no more. */
  end(code: status, details = ''): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const stream = this.#stream;
    if (stream.closed) return;
    this.#respond();
    stream.once('wantTrailers', () => {
      stream.sendTrailers({ 'grpc-status': code, ...(details === '' ? {} : { 'grpc-message': details }) });
      setImmediate(() => closeWhenSent(stream));
    });
    stream.end();
  }

  /** Resolves when nothing of it is left to be sent. */
  gone(): Promise<void> {
    if (this.#stream.destroyed) return Promise.resolve();
    return new Promise((resolve) => this.#stream.once('close', resolve));
  }

  #respond(): void {
    if (this.#stream.headersSent) return;
    this.#headers = undefined;
    this.#stream.respond({ ':status': 200, 'content-type': CONTENT_TYPE }, { waitForTrailers: true });
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

/**
 * Node tells of the end of the other half a turn later, and of a reset at once. What it has read by then stands in the
 * state of the stream.
 */
function hasEndedItsHalf(stream: ServerHttp2Stream): boolean {
  const state: unknown = Reflect.get(stream, '_readableState');
  return typeof state === 'object' && state !== null && Reflect.get(state, 'ended') === true;
}
