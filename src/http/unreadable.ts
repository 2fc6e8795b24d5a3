/** Answers requests that Node rejects before Fastify sees them: too long a head, too slow, or no HTTP at all. */

import type { Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { problemMessage } from '../net/problem.ts';

interface Refusal {
  readonly status: number;
  readonly detail: string;
  /** Of the bound that was reached. */
  readonly key?: string;
}

const HTTP2 = 'HPE_PAUSED_H2_UPGRADE';

/** By Node's codes. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  [HTTP2]: { status: 400, detail: 'this is HTTP/2: gRPC goes to listen.grpc, and listen.http takes HTTP/1.1' },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    detail: 'the path and the headers are longer than http.headerBytesMax',
    key: 'http.headerBytesMax',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    detail: 'the request took longer to arrive than http.requestTimeout',
    key: 'http.requestTimeout',
  },
};
const NO_HTTP: Refusal = { status: 400, detail: 'this is no HTTP request' };

/** For the `clientError` event of an HTTP server. */
export function refuseUnreadable(reached: (key: string) => void, log: FastifyBaseLogger) {
  let isTold = false;
  return ({ code = '' }: NodeJS.ErrnoException, socket: Socket): void => {
    if (code === HTTP2 && !isTold) {
      isTold = true;
      log.error(
        { peer: socket.remoteAddress },
        'something speaks gRPC to listen.http: its cluster has to lead to listen.grpc',
      );
    }
    const { status, detail, key } = REFUSALS[code] ?? NO_HTTP;
    // Browsers open connections before they need them: where nothing came, nobody asked for too much.
    if (key !== undefined && socket.bytesRead > 0) reached(key);
    // The connection is closed even if the other side does not read the answer.
    if (code !== 'ECONNRESET' && socket.writable) socket.write(problemMessage(status, detail));
    socket.destroySoon();
  };
}
