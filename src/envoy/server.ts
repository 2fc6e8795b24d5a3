/** The gRPC server: Authorization, AccessLogService and grpc.health.v1 on one address. */

import { experimental, Server, ServerCredentials, setLogger } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { Logger } from 'pino';
import { type Address, formatAddress } from '../config/address.ts';
import { type AccessLogService, type LogMessage, UNDECODABLE } from './access-log.ts';
import type { Certificates } from './certificates.ts';
import type { CheckService } from './check.ts';
import { loadServices } from './protos.ts';
import { removeStaleSocket } from './unix-socket.ts';
import { widenWindows } from './windows.ts';

export interface GrpcServerOptions {
  readonly address: Address;
  readonly tls?: Certificates;
  /** The largest message that is read; a larger one ends its stream with RESOURCE_EXHAUSTED. */
  readonly messageBytesMax: number;
  /** Concurrent streams of one connection; Envoy queues the rest. */
  readonly streamsMax: number;
  readonly flowControlWindow: number;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

export class GrpcServer {
  readonly #server: Server;
  readonly #options: GrpcServerOptions;
  readonly #health = new HealthImplementation({ '': 'NOT_SERVING' });
  #stopWidening = () => {};

  constructor(parts: { check: CheckService; accessLog: AccessLogService; log: Logger }, options: GrpcServerOptions) {
    this.#options = options;
    // What grpc-js would print to stderr it also tells by error: this is for who looks into it with GRPC_VERBOSITY.
    const say = (...words: unknown[]) => parts.log.debug({ grpc: words.map(String).join(' ') }, 'grpc-js');
    setLogger({ error: say, info: say, debug: say });
    this.#server = new Server({
      'grpc.max_receive_message_length': options.messageBytesMax,
      'grpc.max_concurrent_streams': options.streamsMax,
      'grpc.keepalive_time_ms': options.keepaliveMs,
      'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs,
    });
    const { authorization, accessLog } = loadServices();
    this.#server.addService(authorization, { Check: parts.check.check });
    this.#server.addService(
      { StreamAccessLogs: tolerant(accessLog.StreamAccessLogs) },
      { StreamAccessLogs: parts.accessLog.streamAccessLogs },
    );
    this.#health.addToServer(this.#server);
  }

  /** Resolves with the port, which means nothing on a unix socket; rejects when the address cannot be had. */
  async listen(): Promise<number> {
    const { address, tls, flowControlWindow } = this.#options;
    if (address.kind === 'unix') await removeStaleSocket(address.path);
    this.#stopWidening = widenWindows(flowControlWindow);
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(formatAddress(address), credentials(tls), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }

  serving(yes: boolean): void {
    this.#health.setStatus('', yes ? 'SERVING' : 'NOT_SERVING');
  }

  /** No new connections and streams; resolves when those under way have ended. */
  drain(): Promise<void> {
    return new Promise((resolve) => this.#server.tryShutdown(() => resolve()));
  }

  close(): void {
    this.#server.forceShutdown();
    this.#options.tls?.stop();
    this.#stopWidening();
  }
}

function credentials(tls: Certificates | undefined): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  // grpc-js 1.14 takes the server's own provider first, whatever its parameters are called.
  return experimental.createCertificateProviderServerCredentials(tls, tls.asksClients ? tls : null, tls.asksClients);
}

/** Bytes that cannot be decoded are counted as one malformed entry, and do not end the stream of all the others. */
function tolerant<Method extends { requestDeserialize: (bytes: Buffer) => LogMessage }>(method: Method): Method {
  const requestDeserialize = (bytes: Buffer): LogMessage => {
    try {
      return method.requestDeserialize(bytes);
    } catch {
      return UNDECODABLE;
    }
  };
  return { ...method, requestDeserialize };
}
