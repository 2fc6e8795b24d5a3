/**
 * HTTP/2 flow-control windows of the gRPC server. An Envoy that is told to end sends the end of each of its connections
 * within milliseconds, and only what the window lets through arrives: with HTTP/2's default window, a fraction.
 *
 * grpc-js offers no setting for a server's windows, so they are set on each session as its first stream is created,
 * by way of Node's diagnostics channel. That channel tells of all HTTP/2 servers of the process; this is the only one.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Http2Session, ServerHttp2Stream } from 'node:http2';

const CHANNEL = 'http2.server.stream.created';

/** Returns how to stop it. */
export function widenWindows(bytes: number): () => void {
  const widened = new WeakSet<Http2Session>();
  const widen = (message: unknown) => {
    const { session } = (message as { stream: ServerHttp2Stream }).stream;
    if (!session || session.destroyed || widened.has(session)) return;
    widened.add(session);
    session.setLocalWindowSize(bytes); // the connection's
    session.settings({ initialWindowSize: bytes }); // each stream's
  };
  subscribe(CHANNEL, widen);
  return () => unsubscribe(CHANNEL, widen);
}
