/** One line about how far a long run is: rewritten in place on a terminal, a new line now and then elsewhere. */

const EVERY_MS = { terminal: 100, elsewhere: 5_000 };

export class Progress {
  readonly #out: NodeJS.WriteStream;
  #shownAt = performance.now();
  #isOpen = false;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show(text: string): void {
    const now = performance.now();
    if (now - this.#shownAt < (this.#out.isTTY ? EVERY_MS.terminal : EVERY_MS.elsewhere)) return;
    this.#shownAt = now;
    this.#out.write(this.#out.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
    this.#isOpen = this.#out.isTTY;
  }

  /** Takes the line away, for something else to be written. */
  clear(): void {
    if (this.#isOpen) this.#out.write('\r\x1b[K');
    this.#isOpen = false;
  }
}
