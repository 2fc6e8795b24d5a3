/**
 * How long the machine stalled, from how late an idle thread was. It may have been late because our own programs kept all
 * processors busy, which is no stall: that is what they are there for. So lateness counts only as far as the processors
 * were not busy with our own. What is left is what others used, or the host.
 */

/** Processor time is told in hundredths of a second, for each program: what seems too much now was too little before. */
const DEBT_MS_MAX = 100;

export class Stall {
  readonly #processors: number;
  #stalledMs = 0;
  #lateMs = 0;
  #debtMs = 0;

  constructor(processors: number) {
    this.#processors = processors;
  }

  /** Lateness that is not yet settled counts. */
  get ms(): number {
    return this.#stalledMs + this.#lateMs;
  }

  /** An idle thread was so late. */
  late(ms: number): void {
    this.#lateMs += ms;
  }

  /** In the time since the last call, our own programs used so much processor time. */
  settle(passedMs: number, usedMs: number): void {
    const notOursMs = passedMs - usedMs / this.#processors - this.#debtMs;
    this.#stalledMs += Math.min(this.#lateMs, Math.max(0, notOursMs));
    this.#lateMs = 0;
    this.#debtMs = Math.min(Math.max(0, -notOursMs), DEBT_MS_MAX);
  }
}
