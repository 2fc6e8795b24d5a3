/** What the fuzzer is to a gate: an Envoy, as far as gRPC goes. It sends bytes, whatever is in them. */

import { Client, type ClientWritableStream, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { CheckRequest, CheckResponse, StreamAccessLogsMessage } from '../../src/envoy/messages.ts';
import { loadServices } from '../../src/envoy/protos.ts';

const { authorization, accessLog } = loadServices();
const DEADLINE_MS = 10_000;

export const encodeCheck = (request: CheckRequest): Buffer => authorization.Check.requestSerialize(request);
export const encodeLog = (message: StreamAccessLogsMessage): Buffer =>
  accessLog.StreamAccessLogs.requestSerialize(message);

interface LogStream {
  readonly call: ClientWritableStream<Buffer>;
  readonly ended: Promise<void>;
}

export class FuzzedEnvoy {
  readonly #client: Client;
  readonly #metadata = new Metadata();
  #stream: LogStream | undefined;
  /** Log streams that the gate ended, or that broke. */
  streamsEnded = 0;

  constructor(gate: string, proxy: string) {
    this.#client = new Client(gate, credentials.createInsecure());
    this.#metadata.set('x-wsgate-proxy', proxy);
  }

  check(bytes: Buffer): Promise<CheckResponse | ServiceError> {
    const { path, responseDeserialize } = authorization.Check;
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        path,
        same,
        responseDeserialize,
        bytes,
        this.#metadata,
        { deadline: Date.now() + DEADLINE_MS },
        (error, answer) => resolve(error ?? answer ?? {}),
      );
    });
  }

  /** Resolves when the bytes are on their way, or lost with a stream that ended. */
  async log(bytes: Buffer): Promise<void> {
    this.#stream ??= this.#openStream();
    const { call, ended } = this.#stream;
    const { promise: sent, resolve } = Promise.withResolvers<void>();
    call.write(bytes, () => resolve());
    await Promise.race([sent, ended]);
  }

  #openStream(): LogStream {
    const { path, responseDeserialize } = accessLog.StreamAccessLogs;
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const call = this.#client.makeClientStreamRequest(path, same, responseDeserialize, this.#metadata, () => {
      this.streamsEnded += 1;
      if (this.#stream?.call === call) this.#stream = undefined;
      resolve();
    });
    return { call, ended };
  }

  close(): void {
    this.#client.close();
  }
}

function isError(answer: CheckResponse | ServiceError): answer is ServiceError {
  return answer instanceof Error;
}

export function leaseIn(answer: CheckResponse | ServiceError): string | undefined {
  return isError(answer) ? undefined : answer.dynamicMetadata?.fields?.lease?.stringValue;
}

/** No answer at all, in the time that there was. */
export function isUnanswered(answer: CheckResponse | ServiceError): boolean {
  return isError(answer) && (answer.code === status.DEADLINE_EXCEEDED || answer.code === status.UNAVAILABLE);
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
