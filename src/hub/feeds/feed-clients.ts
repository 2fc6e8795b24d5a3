/**
 * The clients of one feed: pinged, closed when they fall silent, and sent to other gates when this one stops. The
 * timers of a feed run from `start` to `stop`.
 */

import type { WebSocket } from 'ws';
import type { HubMetrics } from '../hub-metrics.ts';
import { closeReasons } from '../protocol.ts';
import { FeedClient, type FeedClientEvents, type FeedClientOptions } from './feed-client.ts';
import { frameOf } from './frame.ts';

export interface FeedOptions extends FeedClientOptions {
  readonly pingMs: number;
  /** A client that says nothing for so long, not even a pong, is gone. */
  readonly timeoutMs: number;
  readonly cleanupMs: number;
}

/** The clients of a gate that stops come to the others within this time, each at another moment. */
const COME_BACK_WITHIN_MS = 5000;

export class FeedClients {
  readonly #all = new Set<FeedClient>();
  readonly #options: FeedOptions;
  readonly #metrics: HubMetrics;
  readonly #works: { readonly ms: number; readonly work: () => void }[] = [];
  #timers: NodeJS.Timeout[] = [];
  #empty: (() => void) | undefined;

  constructor(options: FeedOptions, metrics: HubMetrics) {
    this.#options = options;
    this.#metrics = metrics;
    this.every(options.pingMs, () => {
      for (const client of this.#all) client.ping();
    });
    this.every(options.cleanupMs, () => {
      for (const client of this.#all) if (client.silentForMs() >= options.timeoutMs) client.close(closeReasons.silent);
    });
  }

  get size(): number {
    return this.#all.size;
  }

  /** From 0 to 1: how full the fullest queue of any client is. */
  get saturation(): number {
    let worst = 0;
    for (const { saturation } of this.#all) worst = Math.max(worst, saturation);
    return worst;
  }

  [Symbol.iterator](): Iterator<FeedClient> {
    return this.#all.values();
  }

  add(socket: WebSocket, events: FeedClientEvents): FeedClient {
    const closed = () => {
      this.#all.delete(client);
      if (this.#all.size === 0) this.#empty?.();
      events.closed();
    };
    const client = new FeedClient(socket, this.#options, { ...events, closed }, this.#metrics);
    this.#all.add(client);
    return client;
  }

  /** To be called before `start`. */
  every(ms: number, work: () => void): void {
    this.#works.push({ ms, work });
  }

  start(): void {
    this.#timers = this.#works.map(({ ms, work }) => setInterval(work, ms));
  }

  /** Tells each client to come back, each after another time. Resolves when all have left. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    const empty = new Promise<void>((resolve) => {
      this.#empty = resolve;
    });
    const { reason } = closeReasons.stopping;
    for (const client of this.#all) {
      const retryAfterMs = Math.floor(Math.random() * COME_BACK_WITHIN_MS);
      client.send(frameOf({ type: 'closing', reason, retry_after_ms: retryAfterMs }));
      client.close(closeReasons.stopping);
    }
    if (this.#all.size > 0) await empty;
  }
}
