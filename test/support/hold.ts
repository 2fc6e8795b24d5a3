/** The hold door as an Envoy uses it, without an Envoy: streams that a test ends, resets or cuts as it likes. */

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type SecureClientSessionOptions,
} from 'node:http2';
import type { Stream } from '../../lab/fleet/messages.ts';
import type { ProcessingRequest, ProcessingResponse } from '../../src/envoy/messages.ts';
import { ATTRIBUTES, EXT_PROC, loadServices } from '../../src/envoy/protos.ts';

const { path, requestSerialize, responseDeserialize } = loadServices().externalProcessor.Process;

export class HoldCaller {
  readonly #session: ClientHttp2Session;

  /** `address`: of the gate's gRPC side. With `tls` over TLS. */
  constructor(address: string, tls?: SecureClientSessionOptions) {
    this.#session = tls ? connect(`https://${address}`, tls) : connect(`http://${address}`);
    this.#session.on('error', () => {});
  }

  open(headers: Readonly<Record<string, string>> = {}): HeldCall {
    return new HeldCall(
      this.#session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      }),
    );
  }

  /** Asks for a WebSocket on that stream. */
  ask(stream: Stream, pod = 'pod1', more: Partial<ProcessingRequest> = {}): HeldCall {
    const call = this.open(identityOf(stream));
    call.send({ ...upgradeOf(pod), ...more });
    return call;
  }

  /** The same, at a pod that the gate is to choose. */
  askOfService(stream: Stream, service: string): HeldCall {
    const call = this.open(identityOf(stream));
    call.send(upgradeOf(undefined, { upgrade: 'websocket' }, { [ATTRIBUTES.service]: service }));
    return call;
  }

  /** The connection breaks, with all streams on it. */
  cut(): void {
    this.#session.destroy();
  }
}

export class HeldCall {
  readonly stream: ClientHttp2Stream;
  readonly answers: ProcessingResponse[] = [];
  httpStatus: number | undefined;
  /** gRPC's status and message; undefined until the gate has ended the stream. */
  status: string | undefined;
  #bytes = Buffer.alloc(0);

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream;
    stream.on('error', () => {});
    stream.on('response', (headers) => {
      this.httpStatus = headers[':status'];
      this.#ended(headers);
    });
    stream.on('trailers', (headers) => this.#ended(headers));
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  send(request: ProcessingRequest): void {
    this.stream.write(framed(requestSerialize(request)));
  }

  /** As Envoy does when a WebSocket is over. */
  endAndReset(): void {
    this.stream.end();
    this.stream.close(constants.NGHTTP2_CANCEL);
  }

  /** Without ending its half first. */
  reset(): void {
    this.stream.destroy();
  }

  #ended(headers: Readonly<Record<string, unknown>>): void {
    if (headers['grpc-status'] !== undefined)
      this.status = `${headers['grpc-status']} ${decodeURI(String(headers['grpc-message'] ?? ''))}`;
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 5 && this.#bytes.length >= 5 + this.#bytes.readUInt32BE(1)) {
      const end = 5 + this.#bytes.readUInt32BE(1);
      this.answers.push(responseDeserialize(this.#bytes.subarray(5, end)));
      this.#bytes = this.#bytes.subarray(end);
    }
  }
}

export function framed(message: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5, flag);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

export function bytesOf(request: ProcessingRequest): Buffer {
  return framed(requestSerialize(request));
}

export function identityOf({ startTime, address }: Stream): Record<string, string> {
  const { address: host, portValue } = address.socketAddress;
  return {
    'x-wsgate-start': `${startTime.seconds}.${String(startTime.nanos).padStart(9, '0')}`,
    'x-wsgate-peer': `${host}:${portValue}`,
  };
}

export function upgradeOf(
  pod: string | undefined,
  headers: Readonly<Record<string, string>> = { upgrade: 'websocket' },
  attributes: Readonly<Record<string, string>> = {},
) {
  const shown = {
    [ATTRIBUTES.node]: 'proxy_a',
    ...(pod === undefined ? {} : { [ATTRIBUTES.pod]: pod }),
    ...attributes,
  };
  const list = Object.entries({ ':path': `/${pod}/chat?secret=1`, ':authority': 'edge.example', ...headers });
  return {
    requestHeaders: { headers: { headers: list.map(([key, value]) => ({ key, rawValue: Buffer.from(value) })) } },
    attributes: {
      [EXT_PROC]: {
        fields: Object.fromEntries(Object.entries(shown).map(([key, stringValue]) => [key, { stringValue }])),
      },
    },
  } satisfies ProcessingRequest;
}
