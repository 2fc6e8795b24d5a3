/**
 * How long to wait before the next attempt: exponential, with full jitter, so that clients that left together come back
 * apart. By hand: it is one line of arithmetic, and the client imports nothing (a test bounds its size).
 */

export interface Backoff {
  /** The longest wait after the first failure, in milliseconds. */
  readonly firstMs: number;
  /** After each further failure the longest wait grows by this factor. */
  readonly factor: number;
  /** The longest wait of all, in milliseconds. A connection that lasted as long resets the waits. */
  readonly maxMs: number;
}

const DEFAULTS: Backoff = { firstMs: 500, factor: 2, maxMs: 15_000 };

export class Waits {
  readonly #backoff: Backoff;
  readonly #random: () => number;
  #failures = 0;

  /** `random`: from 0 to 1. */
  constructor(backoff: Partial<Backoff>, random: () => number) {
    this.#backoff = { ...DEFAULTS, ...backoff };
    this.#random = random;
  }

  /** In milliseconds. `lastedMs`: the connection that was lost; 0 when there was none. */
  next(lastedMs: number): number {
    const { firstMs, factor, maxMs } = this.#backoff;
    if (lastedMs >= maxMs) this.#failures = 0;
    const longestMs = Math.min(maxMs, firstMs * factor ** this.#failures);
    this.#failures += 1;
    return Math.floor(this.#random() * longestMs);
  }
}
