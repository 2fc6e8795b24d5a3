/**
 * Tells of upgrades that were denied because a request lacks what a gate needs. Clients can cause these as often as they
 * like: the log has one line a second, the metrics count all.
 */

import type { Logger } from 'pino';
import { see } from '../../see.ts';

const WARN_MS = 1000;

/** What a request lacks. */
export type Lacking = 'POD_UNKNOWN' | 'PROXY_UNKNOWN';

export interface Denied {
  readonly path: string;
  readonly host: string | undefined;
  readonly proxy: string | undefined;
  /** Who asked, as grpc-js names it. */
  readonly peer: string;
}

export class Denials {
  readonly #log: Logger;
  #warnedAtMs = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  tell(reason: Lacking, lookedAt: readonly string[], denied: Denied): void {
    const entry = see(reason === 'POD_UNKNOWN' ? 'pod-unknown' : 'proxy-unknown');
    this.warn({ reason, lookedAt, ...denied, see: entry }, 'denied an upgrade');
  }

  warn(fields: Readonly<Record<string, unknown>>, text: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#warnedAtMs < WARN_MS) {
      this.#unsaid += 1;
      return;
    }
    this.#log.warn({ ...fields, unsaid: this.#unsaid }, text);
    this.#warnedAtMs = nowMs;
    this.#unsaid = 0;
  }
}
