/**
 * Serves some calls on the HTTP/2 server itself, and leaves all others to grpc-js: its listener for streams is replaced by
 * one that looks at the path first.
 */

import type { Http2Server, Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { peerOf } from './keepalives.ts';
import { type Caller, RawCall } from './raw-call.ts';
import { RoundTrips } from './round-trips.ts';

export interface RawMethod {
  /** Whether a call of it is open for as long as a WebSocket. */
  readonly isHeld: boolean;
  serve(call: RawCall): void;
}

/** By path: `/package.Service/Method`. */
export type RawMethods = ReadonlyMap<string, RawMethod>;

type Listener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...rest: unknown[]) => void;

/**
 * To be called before the first connection, and before anything else listens to the streams of the server. False when
 * grpc-js does not listen to them: then it still serves all calls.
 */
export function serveRaw(server: Http2Server, methods: RawMethods): boolean {
  const [grpcJs, ...more] = server.listeners('stream') as Listener[];
  if (!grpcJs || more.length > 0) return false;
  server.removeAllListeners('stream');
  // To ask a session for its socket takes longer than to remember the answer.
  const callers = new WeakMap<Http2Session, Caller>();
  server.on('session', (session) => callers.set(session, { peer: peerOf(session), trips: new RoundTrips(session) }));
  const take: Listener = (stream, headers, ...rest) => {
    const method = methods.get(headers[':path'] ?? '');
    const caller = stream.session && callers.get(stream.session);
    if (method && caller) method.serve(new RawCall(stream, headers, caller));
    else grpcJs.call(server, stream, headers, ...rest);
  };
  server.on('stream', take);
  return true;
}
