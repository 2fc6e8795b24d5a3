/**
 * Writes a protobuf message from its end to its beginning. In the message, each part's length stands before the part;
 * in this order it is known when it has to be written. So one pass and one buffer are enough.
 */

const VARINT = 0;
const DELIMITED = 2;

export class BackwardWriter {
  readonly #bytes: Buffer;
  #at = 0;

  /** `size`: of the longest message, bytes. A longer one throws a RangeError. */
  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  begin(): this {
    this.#at = this.#bytes.length;
    return this;
  }

  /** The message, in a buffer of its own. */
  end(): Buffer {
    return Buffer.from(this.#bytes.subarray(this.#at));
  }

  /** A string of ASCII characters. */
  text(field: number, text: string): this {
    this.#at -= text.length;
    if (this.#at < 0) throw new RangeError(`no room for ${text.length} bytes`);
    this.#bytes.write(text, this.#at, 'latin1');
    return this.#varint(text.length).#varint((field << 3) | DELIMITED);
  }

  enum(field: number, value: number): this {
    return this.#varint(value).#varint((field << 3) | VARINT);
  }

  /** A message in the message: what `write` writes, its last field first. */
  part(field: number, write: () => void): this {
    const end = this.#at;
    write();
    return this.#varint(end - this.#at).#varint((field << 3) | DELIMITED);
  }

  #varint(value: number): this {
    let length = 1;
    while (value >>> (7 * length) > 0) length += 1;
    this.#at -= length;
    if (this.#at < 0) throw new RangeError('no room for a number');
    for (let i = 0; i < length; i += 1) {
      this.#bytes[this.#at + i] = ((value >>> (7 * i)) & 0x7f) | (i < length - 1 ? 0x80 : 0);
    }
    return this;
  }
}
