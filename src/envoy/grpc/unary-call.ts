/**
 * A call of one message and one answer, served as a `RawCall`: what gRPC says of deadlines, of compression, and of calls
 * that have more or fewer messages than one. To whom answers it, it is as grpc-js's own.
 */

import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import type { Caller } from '../proxy-name.ts';
import type { RawCall, RawHandler } from './raw-call.ts';

/** What of a call is looked at, whoever serves it. */
export interface Unary extends Caller, Pick<ServerUnaryCall<unknown, unknown>, 'getDeadline'> {
  /** Told at the latest when the call is over: after the answer it means nothing. */
  once(event: 'cancelled', listener: () => void): unknown;
}

export type Answer = sendUnaryData<Buffer>;

export interface UnaryMethod<Request> {
  readonly messageBytesMax: number;
  /** Throws on bytes that are no such message. */
  readonly decode: (bytes: Uint8Array) => Request;
  /** Must not throw. */
  readonly serve: (request: Request, call: Unary, answer: Answer) => void;
}

const DECOMPRESS = new Map([
  ['gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
]);
const ACCEPTED = { 'grpc-accept-encoding': ['identity', ...DECOMPRESS.keys()].join(',') };

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const MS_PER_UNIT: Readonly<Record<string, number>> = { H: 3.6e6, M: 6e4, S: 1e3, m: 1, u: 1e-3, n: 1e-6 };
/** Node's timers fire at once beyond it, which is 24.8 days. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export function serveUnary<Request>(call: RawCall, method: UnaryMethod<Request>): void {
  const unary = new UnaryCall(call, method);
  call.serve(unary);
  const timeout = call.headers['grpc-timeout'];
  if (timeout !== undefined) unary.limit(String(timeout));
}

class UnaryCall<Request> implements RawHandler, Unary {
  readonly #call: RawCall;
  readonly #method: UnaryMethod<Request>;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #hasMessage = false;
  #hasEnded = false;
  #decoded: { readonly request: Request } | undefined;
  #cancelled: (() => void) | undefined;

  constructor(call: RawCall, method: UnaryMethod<Request>) {
    this.#call = call;
    this.#method = method;
  }

  get metadata(): RawCall['metadata'] {
    return this.#call.metadata;
  }

  getPeer(): string {
    return this.#call.getPeer();
  }

  getAuthContext(): ReturnType<RawCall['getAuthContext']> {
    return this.#call.getAuthContext();
  }

  getDeadline(): number {
    return this.#deadlineMs;
  }

  once(_event: 'cancelled', listener: () => void): void {
    this.#cancelled = listener;
  }

  limit(timeout: string): void {
    const ms = parseTimeout(timeout);
    if (ms === undefined) this.#refuse(status.INTERNAL, `Invalid grpc-timeout value "${timeout}"`);
    if (ms === undefined || ms > TIMER_MS_MAX || this.#call.isGone) return;
    this.#deadlineMs = Date.now() + ms;
    this.#timer = setTimeout(() => {
      this.#cancelled?.();
      this.#refuse(status.DEADLINE_EXCEEDED, 'Deadline exceeded');
    }, ms);
  }

  message(bytes: Buffer): void {
    if (this.#isFirst()) this.#read(bytes);
  }

  compressed(bytes: Buffer): void {
    if (!this.#isFirst()) return;
    const encoding = String(this.#call.headers['grpc-encoding'] ?? 'identity');
    const decompress = DECOMPRESS.get(encoding);
    if (decompress) {
      decompress(bytes, { maxOutputLength: this.#method.messageBytesMax }).then(
        (message) => this.#read(message),
        (error: NodeJS.ErrnoException) => this.#unreadable(error),
      );
    } else if (encoding === 'identity') this.#refuse(status.INTERNAL, 'a compressed message, and no grpc-encoding');
    else this.#refuse(status.UNIMPLEMENTED, `grpc-encoding ${encoding} is not understood`, ACCEPTED);
  }

  ended(): void {
    this.#hasEnded = true;
    if (this.#hasMessage) this.#serve();
    else this.#refuse(status.UNIMPLEMENTED, 'a call of one message, and none came');
  }

  broke(): void {
    clearTimeout(this.#timer);
    this.#cancelled?.();
  }

  #isFirst(): boolean {
    if (this.#hasMessage) this.#refuse(status.UNIMPLEMENTED, 'a call of one message, and a second one came');
    else this.#hasMessage = true;
    return !this.#call.isGone;
  }

  #unreadable({ code, message }: NodeJS.ErrnoException): void {
    if (code === 'ERR_BUFFER_TOO_LARGE') this.#refuse(status.RESOURCE_EXHAUSTED, 'listen.messageBytesMax is reached');
    else this.#refuse(status.INTERNAL, `Failed to decompress message: ${message}`);
  }

  #read(bytes: Uint8Array): void {
    try {
      this.#decoded = { request: this.#method.decode(bytes) };
    } catch {
      this.#refuse(status.INTERNAL, 'Error deserializing request');
    }
    if (this.#hasEnded) this.#serve();
  }

  #serve(): void {
    if (!this.#decoded || this.#call.isGone) return;
    this.#method.serve(this.#decoded.request, this, (error, message) => {
      clearTimeout(this.#timer);
      if (message) this.#call.answer(message);
      else this.#call.end(error?.code ?? status.UNKNOWN, error?.details);
    });
  }

  #refuse(code: status, details?: string, more?: Readonly<Record<string, string>>): void {
    clearTimeout(this.#timer);
    this.#call.end(code, details, more);
  }
}

function parseTimeout(text: string): number | undefined {
  const [, amount, unit = ''] = TIMEOUT.exec(text) ?? [];
  return amount === undefined ? undefined : Math.floor(Number(amount) * (MS_PER_UNIT[unit] ?? Number.NaN));
}
