/** A whole gate in the test's own process, on free ports, and an Envoy's view of it: a gRPC client. */

import {
  type CallOptions,
  type ChannelCredentials,
  Client,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { pino } from 'pino';
import { type Metrics, readMetrics } from '../../lab/fleet/metrics.ts';
import { Wire } from '../../lab/fleet/wire.ts';
import { type App, startApp } from '../../src/app.ts';
import { Api } from '../../src/client/api.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { CheckRequest, CheckResponse, StreamAccessLogsMessage } from '../../src/envoy/messages.ts';
import { loadServices } from '../../src/envoy/protos.ts';

const { authorization, accessLog } = loadServices();

export interface LogStreamCall {
  write(message: StreamAccessLogsMessage): void;
  writeBytes(bytes: Buffer): void;
  end(): void;
  cancel(): void;
  /** Settles when the server has ended the stream. */
  readonly ended: Promise<'ok' | ServiceError>;
}

export interface BegunCheck {
  readonly answer: Promise<CheckResponse | ServiceError>;
  cancel(): void;
}

/** What an Envoy can do. */
export interface TestEnvoy {
  /** A Check; `proxy` goes as gRPC metadata. */
  check(request: CheckRequest, proxy?: string): Promise<CheckResponse | ServiceError>;
  logStream(proxy?: string): LogStreamCall;
}

export interface TestApp extends TestEnvoy {
  readonly app: App;
  readonly logLines: Record<string, unknown>[];
  /** Without a token. */
  readonly api: Api;
  /** A Check of raw bytes. */
  checkBytes(bytes: Buffer): Promise<Buffer | ServiceError>;
  /** A Check that its asker may give up, or gives up after so long, as it says. */
  beginCheck(request: CheckRequest, timeoutMs?: number): BegunCheck;
  /** A Check that its asker gives up at once. */
  abandon(request: CheckRequest): void;
  /** An Envoy that comes from this address of this machine: `127.0.0.2`. */
  envoyAt(host: string): Promise<TestEnvoy>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, headers?: Record<string, string>): Promise<Response>;
  /** The lines of `/websocket/metrics` that hold a figure. */
  fleet(): Promise<Metrics>;
  connections(pod: string): Promise<number>;
  /** What `/readyz` says of the store: `ok` when it decides upgrades. */
  store(): Promise<string>;
  /** How often the bound of this key was reached. */
  reached(key: string): Promise<number>;
  stop(): Promise<void>;
}

export async function startTestApp(
  env: Record<string, string> = {},
  channel: ChannelCredentials = credentials.createInsecure(),
): Promise<TestApp> {
  const loaded = loadConfig({
    env: {
      WSGATE_LISTEN_GRPC: '127.0.0.1:0',
      WSGATE_LISTEN_HTTP: '127.0.0.1:0',
      WSGATE_STOP_DEADLINE: '3s',
      WSGATE_LEASE_RECOVERY: '0s', // nobody is connected yet
      ...env,
    },
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.mistakes));
  const logLines: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void logLines.push(JSON.parse(line)) });
  const app = await startApp(loaded.config, log);

  const clients: Client[] = [];
  const wires: Wire[] = [];
  const connect = (address: string) => {
    const client = new Client(address, channel);
    clients.push(client);
    return client;
  };
  const client = connect(app.grpc);
  const { path: checkPath, requestSerialize: write, responseDeserialize: read } = authorization.Check;
  const ask = <Q, A>(
    codec: { write: (request: Q) => Buffer; read: (bytes: Buffer) => A },
    request: Q,
    proxy: string,
    done: (answer: A | ServiceError) => void,
    asker = client,
    options: CallOptions = {},
  ) =>
    asker.makeUnaryRequest(checkPath, codec.write, codec.read, request, from(proxy), options, (error, answer) =>
      done(error ?? (answer as A)),
    );
  const same = (bytes: Buffer) => bytes;

  const logStream = (address: string, proxy = 'proxy_a'): LogStreamCall => {
    const { path, requestSerialize, responseDeserialize } = accessLog.StreamAccessLogs;
    const { promise: ended, resolve } = Promise.withResolvers<'ok' | ServiceError>();
    const serialize = (message: StreamAccessLogsMessage | Buffer) =>
      Buffer.isBuffer(message) ? message : requestSerialize(message);
    const call = connect(address).makeClientStreamRequest(path, serialize, responseDeserialize, from(proxy), (error) =>
      resolve(error ?? 'ok'),
    );
    return {
      write: (message) => void call.write(message),
      writeBytes: (bytes) => void call.write(bytes),
      end: () => call.end(),
      cancel: () => call.cancel(),
      ended,
    };
  };

  const api = new Api({ url: app.http });
  const get = (path: string, headers: Record<string, string> = {}) => fetch(app.http + path, { headers });
  return {
    app,
    logLines,
    api,
    check: (request, proxy = 'proxy_a') => new Promise((resolve) => ask({ write, read }, request, proxy, resolve)),
    checkBytes: (bytes) => new Promise((resolve) => ask({ write: same, read: same }, bytes, 'proxy_a', resolve)),
    beginCheck(request, timeoutMs = 60_000) {
      const { promise: answer, resolve } = Promise.withResolvers<CheckResponse | ServiceError>();
      const call = ask({ write, read }, request, 'proxy_a', resolve, client, { deadline: Date.now() + timeoutMs });
      return { answer, cancel: () => call.cancel() };
    },
    abandon(request) {
      const call = ask({ write, read }, request, 'proxy_a', () => {});
      // As soon as the request is on its way, and before an answer can have come back.
      setImmediate(() => setImmediate(() => call.cancel()));
    },
    logStream: (proxy) => logStream(app.grpc, proxy),
    async envoyAt(host) {
      const wire = await Wire.to(Number(new URL(`http://${app.grpc}`).port), () => {}, host);
      wires.push(wire);
      const address = `127.0.0.1:${wire.port}`;
      const asker = connect(address);
      return {
        check: (request, proxy = 'proxy_a') =>
          new Promise((resolve) => ask({ write, read }, request, proxy, resolve, asker)),
        logStream: (proxy) => logStream(address, proxy),
      };
    },
    get,
    post: (path, headers = {}) => fetch(app.http + path, { method: 'POST', headers }),
    fleet: () => readMetrics(`${app.http}/websocket/metrics`),
    connections: async (pod) => (await api.pod(pod)).connections,
    async store() {
      const { checks } = (await (await get('/readyz')).json()) as { checks: { store: string } };
      return checks.store;
    },
    async reached(key) {
      return (await readMetrics(`${app.http}/metrics`))[`wsgate_bound_reached_total{key="${key}"}`] ?? 0;
    },
    async stop() {
      for (const each of clients) each.close();
      for (const wire of wires) wire.stop();
      await app.stop();
    },
  };
}

function from(proxy: string): Metadata {
  const metadata = new Metadata();
  if (proxy !== '') metadata.set('x-wsgate-proxy', proxy);
  return metadata;
}
