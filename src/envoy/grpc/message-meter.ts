/** How much of a gRPC message has arrived. A message is a byte of flags, four bytes of length, and that many bytes. */

const PREFIX_BYTES = 5;

export class MessageMeter {
  #prefix = 0;
  #length = 0;
  #arrived = 0;

  /** Bytes of the message that is not complete yet. */
  get unfinished(): number {
    return this.#arrived;
  }

  /** Returns the length in bytes of the longest message that has a part in this chunk. */
  read(chunk: Uint8Array): number {
    let at = 0;
    let longest = 0;
    while (at < chunk.length) {
      if (this.#prefix < PREFIX_BYTES) {
        if (this.#prefix > 0) this.#length = this.#length * 256 + (chunk[at] ?? 0);
        this.#prefix += 1;
        at += 1;
      } else {
        const part = Math.min(chunk.length - at, this.#length - this.#arrived);
        this.#arrived += part;
        at += part;
      }
      if (this.#prefix < PREFIX_BYTES) continue;
      longest = Math.max(longest, this.#length);
      if (this.#arrived === this.#length) {
        this.#prefix = 0;
        this.#length = 0;
        this.#arrived = 0;
      }
    }
    return longest;
  }
}
