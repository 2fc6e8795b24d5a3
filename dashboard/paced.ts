/** Work that is done when it is asked for, at once, but not more often than so; and never twice at the same time. */

export class Paced {
  readonly #work: () => Promise<void>;
  readonly #everyMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isBusy = false;
  #isAsked = false;
  #isClosed = false;

  /** `work` must not reject. */
  constructor(everyMs: number, work: () => Promise<void>) {
    this.#everyMs = everyMs;
    this.#work = work;
  }

  /** Whoever asks while it is done or rests is served by the next time: it then sees what was new. */
  ask(): void {
    this.#isAsked = true;
    if (!this.#isBusy) void this.#do();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #do(): Promise<void> {
    this.#isBusy = true;
    this.#isAsked = false;
    const begunMs = performance.now();
    await this.#work();
    if (this.#isClosed) return;
    this.#timer = setTimeout(
      () => {
        this.#isBusy = false;
        if (this.#isAsked) void this.#do();
      },
      Math.max(0, begunMs + this.#everyMs - performance.now()),
    );
  }
}
