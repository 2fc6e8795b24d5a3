/**
 * Which Envoys check that this gate still answers, and how often: by HTTP/2 PING, which Envoy sends where its cluster
 * has `connection_keepalive`. An Envoy that does not check goes on logging to a gate that hangs.
 */

import type { Http2Server, Http2Session, ServerHttp2Session } from 'node:http2';

/** An Envoy that has not sent a PING for so long does not send any. */
const UNPINGED_MS = 60_000;

interface Connection {
  readonly sinceMs: number;
  pingedAtMs: number | undefined;
  /** Between the last two PINGs. */
  everyMs: number | undefined;
}

export class Keepalives {
  readonly #connections = new Map<string, Connection>();

  bound(server: Http2Server): void {
    server.on('session', (session) => this.#watch(session));
  }

  /**
   * How often the peer on this connection, named as grpc-js does, sends a PING: ms, 0 for never, undefined if not known
   * yet.
   */
  of(peer: string): number | undefined {
    const connection = this.#connections.get(peer);
    if (connection === undefined) return undefined;
    if (connection.everyMs !== undefined) return connection.everyMs;
    return performance.now() - connection.sinceMs > UNPINGED_MS ? 0 : undefined;
  }

  #watch(session: ServerHttp2Session): void {
    const peer = peerOf(session);
    const connection: Connection = { sinceMs: performance.now(), pingedAtMs: undefined, everyMs: undefined };
    this.#connections.set(peer, connection);
    session.on('ping', () => {
      const nowMs = performance.now();
      if (connection.pingedAtMs !== undefined) connection.everyMs = Math.ceil(nowMs - connection.pingedAtMs);
      connection.pingedAtMs = nowMs;
    });
    session.once('close', () => {
      if (this.#connections.get(peer) === connection) this.#connections.delete(peer);
    });
  }
}

/**
 * As `getPeer()` of a call has it. On a unix socket all peers have the same name: the last to connect speaks for all.
 */
export function peerOf({ socket }: Http2Session): string {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined) return 'unknown';
  return remotePort === undefined ? remoteAddress : `${remoteAddress}:${remotePort}`;
}
