/**
 * `store.file`: what the embedded store knows outlives its process.
 *
 * It is written every ten seconds while something changes, and at the end of an orderly stop, after the gate's last
 * decision. Only that last writing says so (`stopped`), and the start that reads it takes the word back, before it
 * decides anything: a gate that crashes right after its start leaves a file that does not claim what is not so.
 *
 * After a crash, the file lacks what was admitted since it was last written. Its leases are taken up, and the store
 * counts as one that may have lost some: `lease.recovery`, in which Envoys speak of the rest.
 *
 * After an orderly stop it lacks nothing: while there was no gate, none admitted anybody. What happened meanwhile heals
 * as it always does. Connections that closed unheard keep their slots until there is evidence, which errs to the safe
 * side. Connections that Envoys let in by themselves (`failure_mode_allow`) are put in by the log within a flush
 * interval; until then the gate may admit others in their place, as one on a Redis does after the same pause, and the
 * longer the pause was the more there are. So only an orderly stop of less than a ttl ago needs no recovery. After a
 * longer one it runs: where Envoys refused everybody for all that time, half a ttl more matters little, and where they
 * let everybody in, the count that the file tells has little to do with the truth.
 *
 * The leases are taken up however old they are: those that nobody renews go on evidence, and any other rule would forget
 * a live one. Their times are those of the moment of writing. How long there was no gate is not counted, because no
 * clock can be trusted to tell it; it would change little, since an expired lease counts until there is evidence, and
 * that takes longer than any expiry. The wall clock decides one thing only: whether a stop was lately. One that lies in
 * the future was not.
 */

import { rename, rm } from 'node:fs/promises';
import type { Logger } from 'pino';
import { SocketInUse } from '../../net/unix-socket.ts';
import { explain } from '../../system-error.ts';
import { NoFile, readWhole, replace } from './disk.ts';
import { decode, encode } from './format.ts';
import type { ReadSnapshot } from './line-reader.ts';
import { type Lock, lock } from './lock.ts';
import type { Occasion, Snapshot } from './snapshot.ts';

const WRITE_MS = 10_000;
const NOTHING: Snapshot = { incarnationAgeMs: 0, pods: [], ended: [], proxies: [], overrides: [], audit: [] };

interface Store {
  snapshot(): Snapshot;
  /** Goes up with each change that is worth writing down. */
  readonly changes: number;
}

export interface LeaseFileOptions {
  readonly path: string;
  /** A stop that was longer ago needs a recovery. */
  readonly ttlMs: number;
  readonly log: Logger;
}

export class LeaseFile {
  readonly #path: string;
  readonly #ttlMs: number;
  readonly #log: Logger;
  readonly #lock: Lock;
  /** What was found, until the gate serves. */
  #found: { readonly occasion: Occasion; readonly snapshot: ReadSnapshot } | undefined;
  #remembered: Snapshot | undefined;
  #canWrite = true;
  #changesWritten = -1;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  private constructor({ path, ttlMs, log }: LeaseFileOptions, held: Lock) {
    this.#path = path;
    this.#ttlMs = ttlMs;
    this.#log = log;
    this.#lock = held;
  }

  /** Rejects when another gate uses the file. Whatever else is wrong with it, the gate is told in the log, and starts. */
  static async open(options: LeaseFileOptions): Promise<LeaseFile> {
    const { path, log } = options;
    const held = await lock(`${path}.lock`).catch((error: unknown) => {
      if (error instanceof SocketInUse) throw new Error(`store.file: another gate uses ${path}: give each its own`);
      throw error;
    });
    const file = new LeaseFile(options, held);
    await file.#read();
    await file.#takeWordBack();
    if (!held.held && file.#canWrite) {
      log.warn(
        { file: path, problem: held.problem },
        'store.file: a second gate on the same file would not be noticed',
      );
    }
    return file;
  }

  /** What the store begins with; undefined when nothing is known. */
  get remembered(): Snapshot | undefined {
    return this.#remembered;
  }

  /** The gate serves: from now on the file follows the store. */
  follow(store: Store): void {
    this.#found = undefined;
    this.#remembered = undefined;
    this.#timer = setInterval(() => {
      if (store.changes === this.#changesWritten) return;
      this.#writing ??= this.#write(store, false).finally(() => {
        this.#writing = undefined;
      });
    }, WRITE_MS);
  }

  /** The store does not change any more. `inOrder`: all that the gate knew has been written down in it. */
  async stop(store: Store, inOrder: boolean): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.#write(store, inOrder);
    await this.#release();
  }

  /** The gate could not start: the file says again what it said, so that the next start finds it so. */
  async giveBack(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#found?.occasion.stopped) await this.#put(this.#found.snapshot, this.#found.occasion);
    await this.#release();
  }

  async #read(): Promise<void> {
    const file = this.#path;
    let bytes: Buffer | undefined;
    try {
      bytes = await readWhole(file);
    } catch (error) {
      await this.#unusable(`cannot be read: ${explain(error)}`, !(error instanceof NoFile));
      return;
    }
    if (!bytes) {
      this.#log.info({ file }, 'store.file is not there yet: open connections are counted as Envoys speak of them');
      return;
    }
    const decoded = decode(bytes);
    if (!decoded.ok) {
      await this.#unusable(decoded.problem, true);
      return;
    }
    this.#found = decoded;
    this.#remembered = this.#judge(decoded);
  }

  #judge({ occasion, snapshot }: { occasion: Occasion; snapshot: ReadSnapshot }): Snapshot {
    const leases = snapshot.pods.reduce((sum, pod) => sum + pod.leases.length, 0);
    const ageMs = Date.now() - occasion.atMs;
    const told = { file: this.#path, leases, ageMs };
    const partly = { ...snapshot, incarnationAgeMs: 0 };
    if (!occasion.stopped) {
      this.#log.warn(told, 'the gate before was not stopped in order: store.file may lack its last leases');
      return partly;
    }
    if (ageMs < 0 || ageMs >= this.#ttlMs) {
      this.#log.warn(told, 'the gate before was not stopped within the last lease.ttl: Envoys may have let others in');
      return partly;
    }
    this.#log.info(told, 'goes on with the leases of the gate that was stopped');
    return snapshot;
  }

  /** What cannot be used is kept beside it: it may be somebody else's file, or tell what went wrong. */
  async #unusable(problem: string, isFile: boolean): Promise<void> {
    const file = this.#path;
    const keptAs = isFile ? await this.#setAside() : undefined;
    this.#log.error(
      { file, problem, keptAs },
      `store.file ${problem}. The gate starts without it: open connections are counted as Envoys speak of them`,
    );
  }

  async #setAside(): Promise<string | undefined> {
    const keptAs = `${this.#path}.unusable`;
    return rename(this.#path, keptAs).then(
      () => keptAs,
      () => undefined, // then it cannot be written either, which is told
    );
  }

  /** A file of which the word cannot be taken back might claim at the next start, too, that the gate was stopped. */
  async #takeWordBack(): Promise<void> {
    const known = this.#remembered;
    if (await this.#put(known ?? NOTHING, { stopped: false, atMs: Date.now() })) return;
    if (!known || !this.#found?.occasion.stopped) return;
    const gone = await rm(this.#path).then(
      () => true,
      () => false,
    );
    if (!gone) this.#remembered = { ...known, incarnationAgeMs: 0 };
  }

  async #write(store: Store, stopped: boolean): Promise<void> {
    const { changes } = store;
    if (await this.#put(store.snapshot(), { stopped, atMs: Date.now() })) this.#changesWritten = changes;
  }

  /** Whether it was written; tells when that changes. */
  async #put(snapshot: Snapshot, occasion: Occasion): Promise<boolean> {
    const file = this.#path;
    try {
      await replace(file, encode(snapshot, occasion));
    } catch (error) {
      const problem = explain(error);
      if (this.#canWrite) {
        this.#log.error(
          { file, problem },
          `store.file cannot be written: ${problem}. The gate serves; its next start may not know of connections from before`,
        );
      }
      this.#canWrite = false;
      return false;
    }
    if (!this.#canWrite) this.#log.info({ file }, 'store.file can be written again');
    this.#canWrite = true;
    return true;
  }

  async #release(): Promise<void> {
    if (this.#lock.held) await this.#lock.release();
  }
}
