/** A gRPC client straight on node:http2, so that what drives a server costs less than the server. */

import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { loadServices } from '../src/envoy/protos.ts';

const { authorization, accessLog, externalProcessor } = loadServices();
export const CHECK_PATH = authorization.Check.path;
export const LOG_PATH = accessLog.StreamAccessLogs.path;
export const HOLD_PATH = externalProcessor.Process.path;

/** A message as it goes over the wire: not compressed, its length before it. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

export class GrpcConnection {
  readonly #session: ClientHttp2Session;
  readonly #proxy: string;

  private constructor(session: ClientHttp2Session, proxy: string) {
    this.#session = session;
    this.#proxy = proxy;
    session.on('error', () => {}); // its streams fail, and say so
  }

  static async to(address: string, proxy: string): Promise<GrpcConnection> {
    const session = connect(`http://${address}`);
    await once(session, 'connect');
    return new GrpcConnection(session, proxy);
  }

  /** Resolves with the answer's message; rejects when its status is not OK. */
  unary(path: string, frame: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const stream = this.stream(path);
      const chunks: Buffer[] = [];
      let status: unknown;
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      const read = (headers: IncomingHttpHeaders) => {
        status ??= headers['grpc-status'];
      };
      stream.on('response', read);
      stream.on('trailers', read);
      stream.on('error', reject);
      stream.on('end', () => {
        if (status === '0') resolve(Buffer.concat(chunks).subarray(5));
        else reject(new Error(`gRPC status ${status}`));
      });
      stream.end(frame);
    });
  }

  /** A stream of messages to the server. */
  stream(path: string, metadata: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
    return this.#session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      te: 'trailers',
      'x-wsgate-proxy': this.#proxy,
      ...metadata,
    });
  }

  /** Resolves when the server has read all that was sent before. */
  readAll(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#session.ping((error) => (error ? reject(error) : resolve()));
    });
  }

  close(): void {
    this.#session.destroy();
  }
}
