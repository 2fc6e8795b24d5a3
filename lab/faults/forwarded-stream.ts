/**
 * A log stream from the garbler to a gate. While it flaps, it is ended again and again, and begun anew a moment later: the
 * gate sees a stream break, and still reads every entry.
 */

import type { ClientWritableStream, ServiceError } from '@grpc/grpc-js';

export const STREAM_FLAPS = { everyMs: 300, backMs: 20 } as const;

type Stream = ClientWritableStream<Buffer>;
type Open = (ended: (error: ServiceError | null) => void) => Stream;

export class ForwardedStream {
  readonly #open: Open;
  readonly #flaps: () => boolean;
  /** A message that names the Envoy and has no entry: the first one of each stream that is begun anew. */
  #introduction: Buffer | undefined;
  readonly #waiting: Buffer[] = [];
  #stream: Stream | undefined;
  #failed: (error: ServiceError) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(open: Open, flaps: () => boolean) {
    this.#open = open;
    this.#flaps = flaps;
    this.#begin();
  }

  failed(listener: (error: ServiceError) => void): void {
    this.#failed = listener;
  }

  introducedBy(introduction: Buffer): void {
    this.#introduction = introduction;
  }

  write(bytes: Buffer): void {
    if (this.#over) return;
    if (this.#stream) this.#stream.write(bytes);
    else this.#waiting.push(bytes);
  }

  /** Envoy has ended its stream. */
  end(): void {
    if (!this.#stream) this.#begin();
    this.#over = true;
    clearTimeout(this.#timer);
    this.#stream?.end();
  }

  cancel(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#stream?.cancel();
  }

  #begin(): void {
    const stream = this.#open((error) => {
      if (error && stream === this.#stream && !this.#over) this.#failed(error);
    });
    stream.on('error', () => {}); // told above
    this.#stream = stream;
    if (this.#introduction) stream.write(this.#introduction);
    for (const bytes of this.#waiting.splice(0)) stream.write(bytes);
    this.#timer = setTimeout(() => this.#break(), STREAM_FLAPS.everyMs);
  }

  #break(): void {
    if (!this.#flaps()) {
      this.#timer = setTimeout(() => this.#break(), STREAM_FLAPS.everyMs);
      return;
    }
    this.#stream?.end();
    this.#stream = undefined;
    this.#timer = setTimeout(() => this.#begin(), STREAM_FLAPS.backMs);
  }
}
