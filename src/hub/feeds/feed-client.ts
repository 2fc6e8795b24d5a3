/** One WebSocket client of a feed: its outbox, the rate of its messages, when it was last heard, and its end. */

import type { RawData, WebSocket } from 'ws';
import type { HubMetrics } from '../hub-metrics.ts';
import { type CloseReason, closeReasons } from '../protocol.ts';
import { type Frame, Outbox, type OutboxOptions } from './outbox.ts';

export interface FeedClientOptions extends OutboxOptions {
  readonly messagesPerSecondMax: number;
}

export interface FeedClientEvents {
  /** Undefined for a binary message. */
  message?(text: string | undefined): void;
  /** Its outbox is empty. */
  drained?(): void;
  /** It has been told to go. */
  closing?(): void;
  closed(): void;
}

/** A client that has not answered a close frame by then is cut off. */
const CLOSE_MS = 1000;
const PERIOD_MS = 1000;

export class FeedClient {
  readonly #socket: WebSocket;
  readonly #options: FeedClientOptions;
  readonly #events: FeedClientEvents;
  readonly #metrics: HubMetrics;
  readonly #outbox: Outbox;
  #heardAtMs = performance.now();
  #periodBeganAtMs = 0;
  #messagesInPeriod = 0;
  /** Why it was told to go, and when it has to have gone. */
  #closing: { readonly reason: CloseReason; readonly deadline: NodeJS.Timeout } | undefined;

  constructor(socket: WebSocket, options: FeedClientOptions, events: FeedClientEvents, metrics: HubMetrics) {
    this.#socket = socket;
    this.#options = options;
    this.#events = events;
    this.#metrics = metrics;
    this.#outbox = new Outbox(
      socket,
      options,
      {
        overflowed: () => this.close(closeReasons.tooSlow),
        drained: () => events.drained?.(),
        failed: () => socket.terminate(),
      },
      metrics,
    );
    socket.on('message', (data, isBinary) => this.#message(data, isBinary));
    socket.on('pong', () => this.#heard());
    socket.on('error', () => {}); // `close` follows: a message that is too large, a broken connection
    socket.once('close', (code) => this.#closed(code));
    metrics.opened.inc();
  }

  get saturation(): number {
    return this.#outbox.saturation;
  }

  get hasRoom(): boolean {
    return this.#outbox.hasRoom;
  }

  send(frame: Frame): void {
    this.#outbox.push(frame);
  }

  ping(): void {
    this.#socket.ping();
  }

  silentForMs(): number {
    return performance.now() - this.#heardAtMs;
  }

  close(reason: CloseReason): void {
    if (this.#closing) return;
    this.#closing = { reason, deadline: setTimeout(() => this.#socket.terminate(), CLOSE_MS) };
    this.#outbox.clear();
    this.#events.closing?.();
    this.#socket.close(reason.code, reason.reason);
  }

  #heard(): void {
    this.#heardAtMs = performance.now();
  }

  #message(data: RawData, isBinary: boolean): void {
    if (this.#closing) return;
    this.#heard();
    if (this.#heardAtMs - this.#periodBeganAtMs >= PERIOD_MS) {
      this.#periodBeganAtMs = this.#heardAtMs;
      this.#messagesInPeriod = 0;
    }
    this.#messagesInPeriod += 1;
    if (this.#messagesInPeriod > this.#options.messagesPerSecondMax) this.close(closeReasons.tooManyMessages);
    else this.#events.message?.(isBinary ? undefined : String(data));
  }

  #closed(code: number): void {
    clearTimeout(this.#closing?.deadline);
    this.#outbox.clear();
    this.#metrics.closed(this.#closing?.reason.code ?? code);
    this.#events.closed();
  }
}
