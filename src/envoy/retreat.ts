/**
 * A gate that has been without its store for some time sends its Envoys to one that has a store: it reports
 * NOT_SERVING, and ends its log streams, which Envoy then opens elsewhere. That is soon enough for another gate to hear
 * of every connection, and to renew its lease, before it has expired. An Envoy that has not asked for this gate's
 * health yet may come back; so for that long, log streams are ended again and again.
 *
 * A gate that knows that it is the only one keeps its log streams. Where all gates have lost the store, Envoys come
 * back for want of a better gate, and are served.
 */

import type { Events } from '../admission/events.ts';
import type { LeaseStore } from '../admission/lease-store.ts';
import type { Standing } from '../admission/standing.ts';
import type { GrpcServer } from './grpc/server.ts';

/** Longer than the two failed health checks after which an Envoy with envoy/edge.yaml leaves. */
const UNNOTICED_MS = 10_000;
const AGAIN_MS = 1000;

export interface RetreatParts {
  readonly store: LeaseStore;
  readonly standing: Standing;
  readonly events: Events;
  readonly grpc: GrpcServer;
}

export class Retreat {
  readonly #parts: RetreatParts;
  readonly #afterMs: number;
  #timer: NodeJS.Timeout | undefined;
  #wentAtMs = 0;
  #stopped = false;

  constructor(parts: RetreatParts, afterMs: number) {
    this.#parts = parts;
    this.#afterMs = afterMs;
    if (!parts.store.up) this.#wait();
    parts.events.on('storeChanged', (up) => {
      if (this.#stopped) return;
      clearTimeout(this.#timer);
      if (up) parts.grpc.serving(true);
      else this.#wait();
    });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#wentAtMs = performance.now();
      this.#parts.grpc.serving(false);
      if (this.#parts.standing.gates !== 1) this.#endStreams(); // 0: not known yet
    }, this.#afterMs);
  }

  #endStreams(): void {
    this.#parts.grpc.endStreams();
    if (performance.now() - this.#wentAtMs < UNNOTICED_MS) {
      this.#timer = setTimeout(() => this.#endStreams(), AGAIN_MS);
    }
  }
}
