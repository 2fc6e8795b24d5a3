/**
 * The messages that wait for one client. The socket takes so many bytes at a time; the rest waits here, up to a bound.
 * Beyond it, by `whenFull`, the oldest message is dropped and the client is told how many it lost; or the client is
 * disconnected.
 */

import type { HubMetrics } from '../hub-metrics.ts';

/** A message as bytes, shared by all clients that get it. */
export interface Frame {
  readonly data: Buffer;
  /** When its event arrived at this gate (`performance.now()`); undefined for other messages. */
  readonly arrivedAtMs?: number;
}

/** What an outbox needs of a WebSocket. */
export interface Wire {
  readonly bufferedAmount: number;
  readonly readyState: number;
  send(data: Buffer, options: { binary: false }, sent: (error?: Error | null) => void): void;
}

export interface OutboxOptions {
  readonly queueMax: number;
  readonly whenFull: 'drop' | 'close';
}

export interface OutboxEvents {
  /** It is full, and `whenFull` is `close`. */
  overflowed(): void;
  /** Everything has been handed to the socket; there is room for more. */
  drained(): void;
  /** A message could not be sent, even when it was tried again. */
  failed(): void;
}

/** Bytes that may wait in the socket: enough to keep a fast client busy. */
const SOCKET_BYTES = 64 * 1024;
const OPEN = 1;

export class Outbox {
  readonly #wire: Wire;
  readonly #options: OutboxOptions;
  readonly #events: OutboxEvents;
  readonly #metrics: HubMetrics;
  #queue: Frame[] = [];
  #missed = 0;

  constructor(wire: Wire, options: OutboxOptions, events: OutboxEvents, metrics: HubMetrics) {
    this.#wire = wire;
    this.#options = options;
    this.#events = events;
    this.#metrics = metrics;
  }

  /** From 0 to 1. */
  get saturation(): number {
    return this.#queue.length / this.#options.queueMax;
  }

  get hasRoom(): boolean {
    return this.#queue.length === 0 && this.#wire.bufferedAmount < SOCKET_BYTES;
  }

  push(frame: Frame): void {
    if (this.#wire.readyState !== OPEN) return;
    if (this.hasRoom) this.#send(frame);
    else if (this.#queue.length < this.#options.queueMax) this.#queue.push(frame);
    else this.#overflow(frame);
  }

  clear(): void {
    this.#queue = [];
  }

  #overflow(frame: Frame): void {
    this.#metrics.dropped.inc();
    if (this.#options.whenFull === 'drop') {
      this.#queue.shift();
      this.#missed += 1;
      this.#queue.push(frame);
    } else {
      this.#events.overflowed();
    }
  }

  #send(frame: Frame): void {
    this.#wire.send(frame.data, { binary: false }, (error) => {
      if (error) this.#again(frame);
      else this.#sent(frame);
    });
  }

  #again(frame: Frame): void {
    if (this.#wire.readyState !== OPEN) {
      this.#metrics.sendErrors.inc(); // its connection broke under it
      return;
    }
    this.#wire.send(frame.data, { binary: false }, (error) => {
      if (!error) return this.#sent(frame);
      this.#metrics.sendErrors.inc();
      this.#events.failed();
    });
  }

  #sent({ arrivedAtMs }: Frame): void {
    if (arrivedAtMs !== undefined) {
      this.#metrics.delivered.inc();
      this.#metrics.latency.observe((performance.now() - arrivedAtMs) / 1000);
    }
    if (this.#missed > 0 && this.#wire.bufferedAmount < SOCKET_BYTES) {
      const missed = this.#missed;
      this.#missed = 0;
      this.#send({ data: Buffer.from(JSON.stringify({ type: 'lagged', missed })) });
    }
    while (this.#queue.length > 0 && this.#wire.bufferedAmount < SOCKET_BYTES) {
      const next = this.#queue.shift();
      if (next) this.#send(next);
    }
    if (this.hasRoom) this.#events.drained();
  }
}
