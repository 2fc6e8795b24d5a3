/** Whether what the page shows may be old, and why. */

import type { Status } from '../src/client/index.ts';
import type { Snapshot } from '../src/hub/protocol.ts';

type Part = 'figures' | 'events';

/** Figures that come this late are missing: three times the default interval. */
const OVERDUE_MS = 15_000;
/** The first connection, and each attempt after a loss, may take so long before it is worth a word. */
const CONNECTING_MS = 3000;

export class Staleness {
  readonly #connections = new Map<Part, Status>([
    ['figures', { state: 'connecting' }],
    ['events', { state: 'connecting' }],
  ]);
  #begunMs = performance.now();
  #lost: string | undefined;
  #heardMs: number | undefined;
  /** The longest time between figures: a gate may be told to send them seldom. */
  #gapMs = OVERDUE_MS / 3;
  #snapshot: Snapshot | undefined;

  connection(part: Part, status: Status): void {
    this.#connections.set(part, status);
    if (status.state === 'waiting') {
      this.#lost = status.reason;
      this.#heardMs = undefined;
    }
    if ([...this.#connections.values()].every(({ state }) => state === 'open')) this.#lost = undefined;
  }

  heard(snapshot: Snapshot): void {
    const nowMs = performance.now();
    if (this.#heardMs !== undefined) this.#gapMs = Math.max(this.#gapMs, nowMs - this.#heardMs);
    this.#heardMs = nowMs;
    this.#snapshot = snapshot;
  }

  /** Undefined: what is shown is true. */
  why(): string | undefined {
    if (this.#lost !== undefined) return `the connection to the gate is lost (${this.#lost}). Trying again.`;
    const nowMs = performance.now();
    if (this.#heardMs === undefined) {
      return nowMs - this.#begunMs > CONNECTING_MS ? 'the gate has not told its figures yet.' : undefined;
    }
    if (nowMs - this.#heardMs > 3 * this.#gapMs) {
      return `the gate has told no figures for ${Math.round((nowMs - this.#heardMs) / 1000)} seconds.`;
    }
    if (!this.#snapshot?.stale) return undefined;
    return `the store does not answer. These are the figures of ${new Date(this.#snapshot.timestamp).toLocaleTimeString()}.`;
  }
}
