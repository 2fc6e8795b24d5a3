/** Those who flood a gate: raw connections, from an address of loopback's that nobody else uses. */

import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';

/** Everybody else is 127.0.0.1. */
export const STRANGER = '127.0.0.2';
export const ANOTHER = '127.0.0.3';

/** Where a gate listens, as `App` tells it. */
export function portOf(address: string): number {
  return Number(address.split(':').at(-1));
}

/** Resolves when all have connected; the gate may have closed some since. */
export async function connectMany(count: number, port: number, from = STRANGER): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connectFrom(from, port));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  return sockets;
}

export function openOf(sockets: readonly Socket[]): number {
  return sockets.filter(({ closed }) => !closed).length;
}

export interface Conversation {
  readonly socket: Socket;
  /** All that was answered, when the gate has closed the connection. */
  readonly answer: Promise<string>;
}

export function say(text: string, port: number, from = STRANGER): Conversation {
  const socket = connectFrom(from, port);
  socket.write(text);
  let answer = '';
  socket.on('data', (data) => {
    answer += data.toString();
  });
  return { socket, answer: once(socket, 'close').then(() => answer) };
}

export function connectCaller(port: number, from = STRANGER): ClientHttp2Session {
  const session = connectHttp2(`http://127.0.0.1:${port}`, { createConnection: () => connectFrom(from, port) });
  session.on('error', () => {});
  return session;
}

export interface Call {
  readonly stream: ClientHttp2Stream;
  /** gRPC's status and message, such as `8 some bound is reached`; undefined until it is answered. */
  status: string | undefined;
}

export function call(session: ClientHttp2Session, path: string): Call {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    'x-wsgate-proxy': 'stranger',
  });
  const made: Call = { stream, status: undefined };
  const read = (headers: Record<string, unknown>) => {
    if (headers['grpc-status'] !== undefined) {
      made.status = `${headers['grpc-status']} ${decodeURIComponent(String(headers['grpc-message']))}`;
    }
  };
  stream.on('response', read);
  stream.on('trailers', read);
  stream.on('error', () => {});
  stream.resume();
  return made;
}

/** The first bytes of a message that says that it is so long. */
export function beginning(lengthBytes: number, sentBytes: number): Buffer {
  const bytes = Buffer.alloc(5 + sentBytes);
  bytes.writeUInt32BE(lengthBytes, 1);
  return bytes;
}

function connectFrom(localAddress: string, port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => {});
  return socket;
}
