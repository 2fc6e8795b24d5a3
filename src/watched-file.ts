/** A file that changes while the gate runs: who watches it is told, and reads it. */

import { unwatchFile, watchFile } from 'node:fs';

/** Asked that often, by name: also a ConfigMap, whose file is a link to a folder that is swapped, is seen to change. */
const WATCH_MS = 2000;
/** For a file that is written in place: half of it may be right, too. */
const SETTLE_MS = 500;

export class WatchedFile {
  readonly #file: string;
  readonly #changed: () => void;
  #settling: NodeJS.Timeout | undefined;

  /** `changed`: also called when the file appears or is gone. */
  constructor(file: string, changed: () => void) {
    this.#file = file;
    this.#changed = changed;
  }

  start(): void {
    watchFile(this.#file, { interval: WATCH_MS }, this.#seen).unref();
  }

  stop(): void {
    unwatchFile(this.#file, this.#seen);
    clearTimeout(this.#settling);
  }

  readonly #seen = () => {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(this.#changed, SETTLE_MS);
  };
}
