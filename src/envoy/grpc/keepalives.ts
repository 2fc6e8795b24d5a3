/**
 * Which Envoys ask whether this gate is still there, and how often: by HTTP/2 PING, which Envoy sends where its cluster
 * has `connection_keepalive`. One that does not ask would go on writing to a gate that hangs.
 */

import type { Http2Server, ServerHttp2Session } from 'node:http2';

/** An Envoy that has not asked for so long does not ask. */
const UNASKED_MS = 60_000;

interface Connection {
  readonly sinceMs: number;
  askedAtMs: number | undefined;
  /** Between the last two questions. */
  everyMs: number | undefined;
}

export class Keepalives {
  readonly #connections = new Map<string, Connection>();

  bound(server: Http2Server): void {
    server.on('session', (session) => this.#watch(session));
  }

  /** Of the connection from this peer, as grpc-js names it: ms, 0 for never, undefined while that is not known. */
  of(peer: string): number | undefined {
    const connection = this.#connections.get(peer);
    if (connection === undefined) return undefined;
    if (connection.everyMs !== undefined) return connection.everyMs;
    return performance.now() - connection.sinceMs > UNASKED_MS ? 0 : undefined;
  }

  #watch(session: ServerHttp2Session): void {
    const peer = peerOf(session);
    const connection: Connection = { sinceMs: performance.now(), askedAtMs: undefined, everyMs: undefined };
    this.#connections.set(peer, connection);
    session.on('ping', () => {
      const nowMs = performance.now();
      if (connection.askedAtMs !== undefined) connection.everyMs = Math.ceil(nowMs - connection.askedAtMs);
      connection.askedAtMs = nowMs;
    });
    session.once('close', () => {
      if (this.#connections.get(peer) === connection) this.#connections.delete(peer);
    });
  }
}

/** As `getPeer()` of a call has it. On a unix socket all peers have one name: then the last that came stands for all. */
function peerOf({ socket }: ServerHttp2Session): string {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined) return 'unknown';
  return remotePort === undefined ? remoteAddress : `${remoteAddress}:${remotePort}`;
}
