/** One Check over node:http2, as a client makes it that keeps to nothing: and all that it sees of the answer. */

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { loadServices } from '../../src/envoy/protos.ts';

const { path } = loadServices().authorization.Check;

/** What a client sees. Headers are without `date`. */
export interface Seen {
  readonly headers: IncomingHttpHeaders | undefined;
  readonly trailers: IncomingHttpHeaders | undefined;
  /** Hexadecimal. */
  readonly body: string;
  /** With which the stream ended. */
  readonly rstCode: number;
}

export class RawChecker {
  readonly #session: ClientHttp2Session;

  constructor(address: string) {
    this.#session = connect(`http://${address}`);
    this.#session.on('error', () => {});
  }

  open(headers: OutgoingHttpHeaders = {}, endStream = false): RawCheck {
    const all = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    return new RawCheck(this.#session.request({ ...all, 'x-wsgate-proxy': 'proxy_a', ...headers }, { endStream }));
  }

  close(): void {
    this.#session.destroy();
  }
}

export class RawCheck {
  readonly stream: ClientHttp2Stream;
  /** Settles when the stream is closed. */
  readonly seen: Promise<Seen>;
  #headers: IncomingHttpHeaders | undefined;
  #trailers: IncomingHttpHeaders | undefined;

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream;
    const chunks: Buffer[] = [];
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('response', ({ date: _, ...headers }) => {
      this.#headers = withoutSymbols(headers);
    });
    stream.on('trailers', (trailers) => {
      this.#trailers = withoutSymbols(trailers);
    });
    this.seen = new Promise((resolve) => {
      stream.on('close', () => {
        const [headers, trailers] = [this.#headers, this.#trailers];
        resolve({ headers, trailers, body: Buffer.concat(chunks).toString('hex'), rstCode: stream.rstCode ?? 0 });
      });
    });
  }

  /** As soon as there is one. */
  get grpcStatus(): string | undefined {
    return grpcStatus({ headers: this.#headers, trailers: this.#trailers });
  }

  /** Each piece in a frame of its own, which is on its way before the next. */
  async write(...pieces: readonly Buffer[]): Promise<this> {
    for (const piece of pieces) await new Promise((resolve) => this.stream.write(piece, resolve));
    return this;
  }

  end(): this {
    this.stream.end();
    return this;
  }
}

/** Node's own marks of what is sensitive. */
function withoutSymbols(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers));
}

/** gRPC's status and message: `3 something is missing`. */
export function grpcStatus({ headers, trailers }: Pick<Seen, 'headers' | 'trailers'>): string | undefined {
  const told = trailers ?? headers;
  const code = told?.['grpc-status'];
  return code === undefined ? undefined : `${code} ${decodeURI(String(told?.['grpc-message'] ?? ''))}`;
}
