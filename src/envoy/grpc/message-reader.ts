/** The messages of a gRPC stream, put together from its chunks. Their length is bounded elsewhere (`call-bounds.ts`). */

const PREFIX_BYTES = 5;

export class MessageReader {
  #rest: Buffer | undefined;

  /**
   * The messages that are complete with this chunk, in order; `compressed` for one whose flag says so. Their bytes are
   * only good until the next call.
   */
  *read(chunk: Buffer): Generator<Buffer | 'compressed'> {
    let bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    while (bytes.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + bytes.readUInt32BE(1);
      if (bytes.length < end) break;
      yield bytes[0] === 0 ? bytes.subarray(PREFIX_BYTES, end) : 'compressed';
      bytes = bytes.subarray(end);
    }
    if (bytes.length > 0) this.#rest = bytes;
  }
}
