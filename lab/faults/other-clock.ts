/** Gives a program a clock that can be stepped: `other-clock.c` is compiled here and preloaded into it. */

import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Folder, lendFolder } from '../fleet/folder.ts';

const SOURCE = fileURLToPath(new URL('./other-clock.c', import.meta.url));

export class OtherClock {
  readonly #folder: Folder;
  readonly #file: string;
  readonly #library: string;

  private constructor(folder: Folder) {
    this.#folder = folder;
    this.#file = join(folder.path, 'ahead');
    this.#library = join(folder.path, 'other-clock.so');
    writeFileSync(this.#file, Buffer.alloc(8));
  }

  /** What it needs that this machine lacks; undefined if nothing. */
  static lacks(): string | undefined {
    if (process.platform !== 'linux') return 'Linux, to give a program another clock';
    return spawnSync('cc', ['--version']).error ? 'a C compiler, cc' : undefined;
  }

  static async build(): Promise<OtherClock> {
    const clock = new OtherClock(lendFolder('clock'));
    await promisify(execFile)('cc', ['-shared', '-fPIC', '-O1', '-o', clock.#library, SOURCE]);
    return clock;
  }

  /** Environment of the program that is to have this clock. */
  get env(): Record<string, string> {
    return { LD_PRELOAD: this.#library, OTHER_CLOCK_FILE: this.#file };
  }

  /** Sets it to the machine's clock plus so many milliseconds. */
  set(aheadMs: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(aheadMs));
    writeFileSync(this.#file, bytes, { flag: 'r+' }); // in its place: the program has the file mapped
  }

  remove(): void {
    this.#folder.remove();
  }
}
