/** The gRPC server: the doors and grpc.health.v1 on one address. */

import { experimental, Server, ServerCredentials, setLogger } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { Logger } from 'pino';
import { formatAddress } from '../../config/address.ts';
import { type Config, keepaliveOf } from '../../config/schema.ts';
import { Connections } from '../../net/connections.ts';
import { Quota } from '../../net/quota.ts';
import { removeStaleSocket } from '../../net/unix-socket.ts';
import type { Complaints } from '../complaints.ts';
import type { Door } from '../doors.ts';
import { CallBounds } from './call-bounds.ts';
import type { Certificates } from './certificates.ts';
import { http2ServersOf } from './http2-servers.ts';
import type { Keepalives } from './keepalives.ts';
import { type RawMethods, serveRaw } from './raw-calls.ts';
import { StreamResets } from './stream-resets.ts';

/** In what Node's HTTP/2 says of a connection that does not begin as HTTP/2 does. */
const NO_HTTP2 = 'bad client magic';

/** The gate can still do what most gates are for; what it cannot do, it says. */
const NOT_BENEATH =
  'the HTTP/2 server beneath grpc-js cannot be had: Checks cost more, the hold door is not served, and the bounds and ' +
  'windows of `listen` may not hold. Use the version of grpc-js that this wsgate was released with';

interface GrpcServerParts {
  readonly doors: readonly Door[];
  readonly keepalives: Keepalives;
  readonly complaints: Complaints;
  readonly tls: Certificates | undefined;
  readonly log: Logger;
  /** Called with the key of a bound. */
  readonly reached: (key: string) => void;
}

export class GrpcServer {
  readonly #parts: GrpcServerParts;
  readonly #listen: Config['listen'];
  readonly #server: Server;
  readonly #health = new HealthImplementation({ '': 'NOT_SERVING' });
  readonly #connections: Connections;
  readonly #raw: RawMethods;
  readonly #calls: CallBounds;
  readonly #resets: StreamResets;

  constructor(parts: GrpcServerParts, config: Config) {
    const { listen } = config;
    const connections = { max: listen.connectionsMax, perAddressMax: listen.connectionsPerAddressMax };
    const resets = { burst: listen.streamResetBurst, rate: listen.streamResetRate };
    const keepalive = keepaliveOf(config);
    this.#parts = parts;
    this.#listen = listen;
    this.#connections = new Connections(new Quota('listen.connections', connections), parts.reached);
    this.#raw = new Map(parts.doors.flatMap((door) => [...(door.raw ?? [])]));
    this.#calls = new CallBounds(listen, (path) => this.#raw.get(path)?.isHeld === true, parts.reached);
    this.#resets = new StreamResets(resets, parts.reached);
    // grpc-js reports errors to its callers as well. What it would print is for those who set GRPC_VERBOSITY.
    const say = (...words: unknown[]) => parts.log.debug({ grpc: words.map(String).join(' ') }, 'grpc-js');
    setLogger({ error: say, info: say, debug: say });
    this.#server = new Server({
      'grpc.max_receive_message_length': listen.messageBytesMax,
      'grpc.max_concurrent_streams': listen.streamsMax, // of one connection; Envoy queues the rest
      'grpc.keepalive_time_ms': keepalive.everyMs,
      'grpc.keepalive_timeout_ms': keepalive.timeoutMs,
    });
    for (const door of parts.doors) door.addTo?.(this.#server);
    this.#health.addToServer(this.#server);
  }

  /** Resolves with the port, which means nothing on a unix socket; rejects when the address cannot be had. */
  async listen(): Promise<number> {
    const { grpc: address, flowControlWindow } = this.#listen;
    if (address.kind === 'unix') await removeStaleSocket(address.path);
    const bind = () =>
      new Promise<number>((resolve, reject) => {
        this.#server.bindAsync(formatAddress(address), credentials(this.#parts.tls), (error, port) =>
          error ? reject(error) : resolve(port),
        );
      });
    const { port, servers } = await http2ServersOf(address, bind);
    const taken = servers.filter((server) => serveRaw(server, this.#raw));
    if (taken.length === 0 || taken.length < servers.length) this.#parts.log.error(NOT_BENEATH);
    for (const server of servers) {
      this.#connections.bound(server);
      this.#calls.bound(server);
      this.#parts.keepalives.bound(server);
      this.#resets.bound(server);
      // A stopping Envoy sends the ends of all its connections within milliseconds, and only what fits the window
      // arrives: with HTTP/2's default window, a small part.
      server.on('session', (session) => {
        const { remoteAddress = 'a unix socket' } = session.socket;
        session.once('error', ({ message }: Error) => {
          if (message.includes(NO_HTTP2)) this.#parts.complaints.say('no HTTP/2', remoteAddress);
        });
        session.setLocalWindowSize(flowControlWindow); // the connection's
        session.settings({ initialWindowSize: flowControlWindow }); // each stream's
      });
    }
    return port;
  }

  serving(yes: boolean): void {
    this.#health.setStatus('', yes ? 'SERVING' : 'NOT_SERVING');
  }

  /** No new connections and streams; resolves when those under way have ended. */
  drain(): Promise<void> {
    return new Promise((resolve) => this.#server.tryShutdown(() => resolve()));
  }

  /** Resolves when no upgrade waits for its answer. */
  async idle(): Promise<void> {
    await Promise.all(this.#parts.doors.map((door) => door.idle?.()));
  }

  /** Ends all streams that never end by themselves and that Envoy opens again elsewhere. */
  endStreams(): void {
    for (const door of this.#parts.doors) door.endStreams?.();
  }

  /** Ends those that it never opens again: nobody will hold these connections any more. */
  async letGo(): Promise<void> {
    await Promise.all(this.#parts.doors.map((door) => door.letGo?.()));
  }

  close(): void {
    this.#server.forceShutdown();
    this.#parts.tls?.stop();
  }
}

function credentials(tls: Certificates | undefined): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  // In grpc-js 1.14 the first parameter is the server's own provider, whatever its name says.
  return experimental.createCertificateProviderServerCredentials(tls, tls.asksClients ? tls : null, tls.asksClients);
}
