/** RESP2, as far as one that sits between a client and a Redis has to understand it: where each message ends. */

const CRLF = '\r\n';

/** The end of the message that begins at `start`, or -1 when it is not all there. */
function endOf(bytes: Buffer, start: number): number {
  const lineEnd = bytes.indexOf(CRLF, start);
  if (lineEnd < 0) return -1;
  const next = lineEnd + CRLF.length;
  const length = Number(bytes.toString('latin1', start + 1, lineEnd));
  switch (String.fromCharCode(bytes[start] ?? 0)) {
    case '$':
      if (length < 0) return next;
      return next + length + CRLF.length <= bytes.length ? next + length + CRLF.length : -1;
    case '*': {
      let end = next;
      for (let i = 0; i < length && end >= 0; i += 1) end = endOf(bytes, end);
      return end;
    }
    default:
      return next;
  }
}

/** Takes whole messages from a stream of bytes. */
export class Messages {
  #rest: Buffer = Buffer.alloc(0);

  *of(bytes: Buffer): Generator<Buffer> {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const end = this.#rest.length > 0 ? endOf(this.#rest, 0) : -1;
      if (end < 0) return;
      const message = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end);
      yield message;
    }
  }
}

/** The words of a command: an array of bulk strings. */
export function wordsOf(command: Buffer): string[] {
  const words: string[] = [];
  for (let at = command.indexOf(CRLF) + CRLF.length; at < command.length; ) {
    const end = endOf(command, at);
    words.push(textOf(command.subarray(at, end)));
    at = end;
  }
  return words;
}

/** Of a bulk string. */
export function textOf(bulk: Buffer): string {
  return bulk.toString('utf8', bulk.indexOf(CRLF) + CRLF.length, bulk.length - CRLF.length);
}

export function errorOf(text: string): Buffer {
  return Buffer.from(`-${text}${CRLF}`);
}

export function bulkOf(text: string): Buffer {
  return Buffer.from(`$${Buffer.byteLength(text)}${CRLF}${text}${CRLF}`);
}
