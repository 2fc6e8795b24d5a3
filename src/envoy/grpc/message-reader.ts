/** The messages of a gRPC stream, put together from its chunks. Their length is bounded elsewhere (`call-bounds.ts`). */

const PREFIX_BYTES = 5;

/** A message without its prefix. `isCompressed`: as its flag says. */
export type TakeMessage = (bytes: Buffer, isCompressed: boolean) => void;

export class MessageReader {
  /** Of the message that is not complete yet. */
  #parts: Buffer[] | undefined;
  #arrived = 0;
  /** Bytes that have to be there before there is anything new to read. */
  #wanted = 0;

  /** Gives on the messages that are complete with this chunk, in order. */
  read(chunk: Buffer, take: TakeMessage): void {
    let bytes = chunk;
    if (this.#parts) {
      this.#parts.push(chunk);
      this.#arrived += chunk.length;
      if (this.#arrived < this.#wanted) return;
      bytes = Buffer.concat(this.#parts, this.#arrived);
      this.#parts = undefined;
    }
    while (bytes.length > 0) {
      const end = bytes.length < PREFIX_BYTES ? PREFIX_BYTES : PREFIX_BYTES + bytes.readUInt32BE(1);
      if (bytes.length < end) {
        this.#parts = [bytes];
        this.#arrived = bytes.length;
        this.#wanted = end;
        return;
      }
      take(bytes.subarray(PREFIX_BYTES, end), bytes[0] !== 0);
      bytes = bytes.subarray(end);
    }
  }
}
