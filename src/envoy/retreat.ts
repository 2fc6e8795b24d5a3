/**
 * A gate that has lost its store for long sends its Envoys to one that has not: it reports NOT_SERVING, and ends its
 * log streams, which Envoy then opens elsewhere. Soon enough for every connection to be heard, and its lease renewed,
 * before it has expired. It ends them again for as long as an Envoy may not have asked for the gate's health yet: that
 * one opens its next log stream here once more.
 *
 * A gate that knows that there is no other keeps its log streams. Where all gates have lost the store, Envoys that have no better
 * choice come back, and are served.
 */

import type { Events } from '../admission/events.ts';
import type { LeaseStore } from '../admission/lease-store.ts';
import type { Standing } from '../admission/standing.ts';
import type { AccessLogService } from './access-log.ts';
import type { GrpcServer } from './server.ts';

/** Two health checks of envoy/edge.yaml that fail, and some time. */
const UNNOTICED_MS = 10_000;
const AGAIN_MS = 1000;

export class Retreat {
  readonly #standing: Standing;
  readonly #accessLog: AccessLogService;
  readonly #grpc: GrpcServer;
  readonly #afterMs: number;
  #timer: NodeJS.Timeout | undefined;
  #wentAtMs = 0;
  #stopped = false;

  constructor(
    parts: { store: LeaseStore; standing: Standing; events: Events; accessLog: AccessLogService; grpc: GrpcServer },
    afterMs: number,
  ) {
    this.#standing = parts.standing;
    this.#accessLog = parts.accessLog;
    this.#grpc = parts.grpc;
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
      this.#grpc.serving(false);
      if (this.#standing.gates !== 1) this.#endStreams(); // 0: it has not been told yet
    }, this.#afterMs);
  }

  #endStreams(): void {
    this.#accessLog.endAll();
    if (performance.now() - this.#wentAtMs < UNNOTICED_MS) {
      this.#timer = setTimeout(() => this.#endStreams(), AGAIN_MS);
    }
  }
}
