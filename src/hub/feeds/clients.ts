/** The clients of one feed: pinged, looked after, and sent home when the gate stops. */

import { closeReasons } from '../close-codes.ts';
import type { Client } from './client.ts';
import { frameOf } from './frame.ts';

export interface LivenessOptions {
  readonly pingMs: number;
  /** Who says nothing for so long, not even a pong, is gone. */
  readonly timeoutMs: number;
  readonly cleanupMs: number;
}

/** All clients of a gate that stops come back to the others within this time, not at once. */
const COME_BACK_WITHIN_MS = 5000;

export class Clients {
  readonly #all = new Set<Client>();
  readonly #options: LivenessOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  #empty: (() => void) | undefined;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Of the client that has most waiting. */
  get saturation(): number {
    let worst = 0;
    for (const { saturation } of this.#all) worst = Math.max(worst, saturation);
    return worst;
  }

  [Symbol.iterator](): Iterator<Client> {
    return this.#all.values();
  }

  add(client: Client): void {
    this.#all.add(client);
  }

  remove(client: Client): void {
    this.#all.delete(client);
    if (this.#all.size === 0) this.#empty?.();
  }

  start(): void {
    const { pingMs, timeoutMs, cleanupMs } = this.#options;
    const ping = () => {
      for (const client of this.#all) client.ping();
    };
    const cleanUp = () => {
      for (const client of this.#all) if (client.silentForMs() >= timeoutMs) client.close(closeReasons.silent);
    };
    this.#timers.push(setInterval(ping, pingMs), setInterval(cleanUp, cleanupMs));
  }

  /** Tells each to come back elsewhere, each at a time of its own. Resolves when all have left. */
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
