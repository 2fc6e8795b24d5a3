/**
 * Maximums of the gRPC side: of calls at once, and of bytes of incomplete messages, which grpc-js keeps until they are
 * complete. (HTTP/2 itself limits the streams of one connection.) A call beyond one of them gets RESOURCE_EXHAUSTED
 * with the configuration's key, and its stream is closed: otherwise the client could keep it open for as long as it
 * likes. Streams that are held for as long as a WebSocket have a maximum of their own, so that Checks get through.
 */

import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { status } from '@grpc/grpc-js';
import type { Config } from '../../config/schema.ts';
import { Quota } from '../../net/quota.ts';
import { MessageMeter } from './message-meter.ts';

export class CallBounds {
  readonly #calls: Quota;
  readonly #held: Quota;
  readonly #isHeld: (path: string) => boolean;
  readonly #unfinished: Quota;
  readonly #messageBytesMax: number;
  readonly #reached: (key: string) => void;

  /** `isHeld`: whether a call of that path is held. */
  constructor(listen: Config['listen'], isHeld: (path: string) => boolean, reached: (key: string) => void) {
    const { callsMax, callsPerAddressMax, unfinishedBytesMax, unfinishedBytesPerAddressMax } = listen;
    const { heldStreamsMax, heldStreamsPerAddressMax } = listen;
    this.#calls = new Quota('listen.calls', { max: callsMax, perAddressMax: callsPerAddressMax });
    this.#held = new Quota('listen.heldStreams', { max: heldStreamsMax, perAddressMax: heldStreamsPerAddressMax });
    this.#isHeld = isHeld;
    this.#unfinished = new Quota('listen.unfinishedBytes', {
      max: unfinishedBytesMax,
      perAddressMax: unfinishedBytesPerAddressMax,
    });
    this.#messageBytesMax = listen.messageBytesMax;
    this.#reached = reached;
  }

  bound(server: Http2Server): void {
    server.on('stream', (stream, headers) => this.#bound(stream, headers));
  }

  #bound(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    if (stream.closed) return;
    const address = stream.session?.socket.remoteAddress;
    const calls = this.#isHeld(headers[':path'] ?? '') ? this.#held : this.#calls;
    const key = calls.take(address);
    if (key !== undefined) {
      this.#refuse(stream, key);
      return;
    }
    const meter = new MessageMeter();
    let held = 0;
    // Before grpc-js's own listener, so that grpc-js never keeps what is refused. (`on` would make the stream flow.)
    stream.prependListener('data', (chunk: Buffer) => {
      if (stream.closed || stream.writableEnded) return; // grpc-js keeps no more of it
      if (meter.read(chunk) > this.#messageBytesMax) return this.#refuse(stream, 'listen.messageBytesMax');
      const more = meter.unfinished - held;
      if (more > 0) {
        const full = this.#unfinished.take(address, more);
        if (full !== undefined) return this.#refuse(stream, full);
      } else if (more < 0) this.#unfinished.give(address, -more);
      held += more;
    });
    stream.once('close', () => {
      calls.give(address);
      if (held > 0) this.#unfinished.give(address, held);
    });
  }

  #refuse(stream: ServerHttp2Stream, key: string): void {
    this.#reached(key);
    if (!stream.headersSent) stream.respond(answerOf(key), { endStream: true });
    stream.close();
  }
}

function answerOf(key: string) {
  return {
    ':status': 200,
    'content-type': 'application/grpc',
    'grpc-status': status.RESOURCE_EXHAUSTED,
    'grpc-message': `${key} is reached`,
  };
}
