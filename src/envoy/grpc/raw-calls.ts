/**
 * Serves some calls on the HTTP/2 server itself, and leaves all others to grpc-js: its listener for streams is replaced by
 * one that looks at the path first.
 */

import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { RawCall } from './raw-call.ts';

/** By path: `/package.Service/Method`. */
export type RawMethods = ReadonlyMap<string, (call: RawCall) => void>;

type Listener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...rest: unknown[]) => void;

/** To be called before the first connection, and before anything else listens to the streams of the server. */
export function serveRaw(server: Http2Server, methods: RawMethods): void {
  const others = server.listeners('stream') as Listener[];
  server.removeAllListeners('stream');
  const take: Listener = (stream, headers, ...rest) => {
    const method = methods.get(headers[':path'] ?? '');
    if (method) method(new RawCall(stream, headers));
    else for (const other of others) other.call(server, stream, headers, ...rest);
  };
  server.on('stream', take);
}
