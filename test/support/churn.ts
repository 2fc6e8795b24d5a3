/**
 * WebSockets that come and go at one pod, many at once and without a pause, through a gate but without an Envoy. What is
 * open is known here, whatever the store forgets: so it tells whether the limit held, and whether the count is true.
 */

import { setTimeout } from 'node:timers/promises';
import { checkOf, entryOf, message, newStream, type Stream } from '../../lab/fleet/messages.ts';
import type { LogStreamCall, TestApp } from './app.ts';

const WORKERS = 4;
/** When the gate cannot ask its store, clients come back after so long. */
const AWAY_MS = 20;

interface Open {
  readonly stream: Stream;
  readonly lease: string;
}

export class Churn {
  /** The most that were open at once. */
  most = 0;
  admitted = 0;
  denied = 0;
  /** Upgrades that the gate had to decide without its store. */
  away = 0;
  /** Oldest first. */
  readonly open: Open[] = [];
  readonly #gate: TestApp;
  readonly #pod: string;
  readonly #log: LogStreamCall;
  readonly #workers: Promise<void>[];
  #stopping = false;

  constructor(gate: TestApp, pod: string) {
    this.#gate = gate;
    this.#pod = pod;
    this.#log = gate.logStream();
    this.#workers = Array.from({ length: WORKERS }, () => this.#work());
  }

  /** Those that are open stay so. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#workers);
  }

  closeAll(): void {
    while (this.open.length > 0) this.#closeOldest();
  }

  /** Until the pod is full; then the oldest goes, and one may come. */
  async #work(): Promise<void> {
    while (!this.#stopping) {
      const stream = newStream();
      const answer = await this.#gate.check(checkOf(stream, this.#pod));
      const lease = 'dynamicMetadata' in answer ? answer.dynamicMetadata?.fields?.lease?.stringValue : undefined;
      if (lease !== undefined) {
        this.admitted += 1;
        this.open.push({ stream, lease });
        this.most = Math.max(this.most, this.open.length);
        this.#log.write(message(entryOf(stream, this.#pod, 'DownstreamTunnelSuccessfullyEstablished', { lease })));
      } else if (JSON.stringify(answer).includes('LIMIT_EXCEEDED')) {
        this.denied += 1;
        this.#closeOldest();
      } else {
        this.away += 1;
        await setTimeout(AWAY_MS);
      }
    }
  }

  #closeOldest(): void {
    const oldest = this.open.shift();
    if (!oldest) return;
    const { stream, lease } = oldest;
    this.#log.write(message(entryOf(stream, this.#pod, 'DownstreamEnd', { lease })));
  }
}
