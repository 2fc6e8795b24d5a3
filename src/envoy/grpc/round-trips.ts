/**
 * What the other end of an HTTP/2 connection has read. It answers a ping after all that came before it; so what it sent
 * before that answer, it may have sent without having read what was written here, and what it sends after it, not.
 */

import type { Http2Session } from 'node:http2';

export class RoundTrips {
  readonly #session: Http2Session;
  /** Who waits for the next ping: there is one at a time. */
  #next: (() => void)[] = [];
  #isUnderWay = false;

  constructor(session: Http2Session) {
    this.#session = session;
  }

  /** Calls back when the other end has read all that has been handed to the system until now; never if it breaks. */
  whenRead(then: () => void): void {
    this.#next.push(then);
    if (!this.#isUnderWay) this.#ping();
  }

  #ping(): void {
    if (this.#session.destroyed || this.#session.closed) return;
    const waiting = this.#next;
    this.#next = [];
    this.#isUnderWay = this.#session.ping((error) => {
      this.#isUnderWay = false;
      if (!error) for (const then of waiting) then();
      if (this.#next.length > 0) this.#ping();
    });
  }
}
