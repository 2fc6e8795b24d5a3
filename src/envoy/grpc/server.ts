/** The gRPC server: the doors and grpc.health.v1 on one address. */

import { experimental, Server, ServerCredentials, setLogger } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { Logger } from 'pino';
import { type Address, formatAddress } from '../../config/address.ts';
import { Connections } from '../../net/connections.ts';
import { Room, type RoomOptions } from '../../net/quota.ts';
import { removeStaleSocket } from '../../net/unix-socket.ts';
import type { Door } from '../doors.ts';
import { CallBounds, type CallBoundsOptions } from './call-bounds.ts';
import type { Certificates } from './certificates.ts';
import { http2ServersOf } from './http2-servers.ts';
import type { Keepalives } from './keepalives.ts';
import { type StreamResetOptions, StreamResets } from './stream-resets.ts';

export interface GrpcServerOptions extends CallBoundsOptions {
  readonly address: Address;
  readonly tls?: Certificates;
  readonly connections: RoomOptions;
  readonly streamResets: StreamResetOptions;
  /** Concurrent streams of one connection; Envoy queues the rest. */
  readonly streamsMax: number;
  /**
   * Bytes, of a connection and of each stream. A stopping Envoy sends the ends of all its connections within
   * milliseconds, and only what fits the window arrives: with HTTP/2's default window, a small part.
   */
  readonly flowControlWindow: number;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

export class GrpcServer {
  readonly #doors: readonly Door[];
  readonly #server: Server;
  readonly #options: GrpcServerOptions;
  readonly #health = new HealthImplementation({ '': 'NOT_SERVING' });
  readonly #connections: Connections;
  readonly #calls: CallBounds;
  readonly #keepalives: Keepalives;
  readonly #resets: StreamResets;

  constructor(
    parts: {
      doors: readonly Door[];
      keepalives: Keepalives;
      log: Logger;
      /** Called with the key of a bound. */
      reached: (key: string) => void;
    },
    options: GrpcServerOptions,
  ) {
    this.#doors = parts.doors;
    this.#options = options;
    this.#connections = new Connections(new Room('listen.connections', options.connections), parts.reached);
    this.#calls = new CallBounds(options, parts.reached);
    this.#keepalives = parts.keepalives;
    this.#resets = new StreamResets(options.streamResets, parts.reached);
    // grpc-js reports errors to its callers as well. What it would print is for those who set GRPC_VERBOSITY.
    const say = (...words: unknown[]) => parts.log.debug({ grpc: words.map(String).join(' ') }, 'grpc-js');
    setLogger({ error: say, info: say, debug: say });
    this.#server = new Server({
      'grpc.max_receive_message_length': options.messageBytesMax,
      'grpc.max_concurrent_streams': options.streamsMax,
      'grpc.keepalive_time_ms': options.keepaliveMs,
      'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs,
    });
    for (const door of parts.doors) door.addTo(this.#server);
    this.#health.addToServer(this.#server);
  }

  /** Resolves with the port, which means nothing on a unix socket; rejects when the address cannot be had. */
  async listen(): Promise<number> {
    const { address, tls, flowControlWindow } = this.#options;
    if (address.kind === 'unix') await removeStaleSocket(address.path);
    const bind = () =>
      new Promise<number>((resolve, reject) => {
        this.#server.bindAsync(formatAddress(address), credentials(tls), (error, port) =>
          error ? reject(error) : resolve(port),
        );
      });
    const { port, servers } = await http2ServersOf(address, bind);
    for (const server of servers) {
      this.#connections.bound(server);
      this.#calls.bound(server);
      this.#keepalives.bound(server);
      this.#resets.bound(server);
      server.on('session', (session) => {
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
    await Promise.all(this.#doors.map((door) => door.idle?.()));
  }

  /** Ends all streams that never end by themselves. */
  endStreams(): void {
    for (const door of this.#doors) door.endStreams?.();
  }

  close(): void {
    this.#server.forceShutdown();
    this.#options.tls?.stop();
  }
}

function credentials(tls: Certificates | undefined): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  // In grpc-js 1.14 the first parameter is the server's own provider, whatever its name says.
  return experimental.createCertificateProviderServerCredentials(tls, tls.asksClients ? tls : null, tls.asksClients);
}
