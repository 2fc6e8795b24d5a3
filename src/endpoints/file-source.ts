/** Endpoints from a file: read again when it changes. One that is wrong, empty or gone changes nothing. */

import { readFileSync, statSync } from 'node:fs';
import { explain } from '../system-error.ts';
import { WatchedFile } from '../watched-file.ts';
import { type EndpointsRead, readEndpoints } from './endpoint-list.ts';
import type { EndpointListener, EndpointSource } from './endpoint-source.ts';

/** More than 100,000 endpoints with all that may be said of them. */
const BYTES_MAX = 16 * 2 ** 20;

export class FileSource implements EndpointSource {
  readonly #file: string;
  readonly #listener: EndpointListener;
  readonly #watched: WatchedFile;

  constructor(file: string, listener: EndpointListener) {
    this.#file = file;
    this.#listener = listener;
    this.#watched = new WatchedFile(file, () => this.#read());
  }

  /** Reads it at once: a gate that starts knows them before it listens. */
  start(): void {
    this.#watched.start();
    this.#read();
  }

  stop(): void {
    this.#watched.stop();
  }

  #read(): void {
    const read = readFile(this.#file);
    if (read.ok) this.#listener.endpoints(read.endpoints);
    else this.#listener.unread(read.mistakes);
  }
}

function readFile(file: string): EndpointsRead {
  try {
    const { size } = statSync(file);
    if (size > BYTES_MAX) return { ok: false, mistakes: `${file} has ${size} bytes. Expected: at most ${BYTES_MAX}` };
    return readEndpoints(readFileSync(file, 'utf8'), file);
  } catch (error) {
    return { ok: false, mistakes: `cannot read ${file}: ${explain(error)}` };
  }
}
