/**
 * The configuration of a gate that runs: read again when its file changes, and when somebody asks. What can change while
 * the gate runs does, all at once; what cannot is named. A file with a mistake changes nothing.
 */

import type { Logger } from 'pino';
import type { App } from '../app.ts';
import { changesBetween } from '../config/changes.ts';
import type { Config } from '../config/schema.ts';
import { WatchedFile } from '../watched-file.ts';
import { readChangedConfig } from './check-config.ts';
import { Exit, type Host } from './command.ts';

interface Running {
  readonly file: string | undefined;
  readonly env: Host['env'];
  /** What it was started with. */
  readonly config: Config;
  readonly app: App;
  readonly log: Logger;
}

export class Reload {
  readonly #running: Running;
  readonly #watched: WatchedFile | undefined;
  #config: Config;

  constructor(running: Running) {
    this.#running = running;
    this.#config = running.config;
    const { file } = running;
    this.#watched = file === undefined ? undefined : new WatchedFile(file, () => this.read());
  }

  watch(): void {
    this.#watched?.start();
  }

  read(): void {
    const { file, env, config: started, app, log } = this.#running;
    try {
      const config = readChangedConfig(file, env);
      const { live } = changesBetween(this.#config, config);
      const { needRestart } = changesBetween(started, config);
      app.reconfigure(config);
      this.#config = config;
      log.info({ file, changed: live }, 'the configuration was read again');
      if (needRestart.length > 0) log.warn({ keys: needRestart }, 'these keys have changed, and need a restart');
    } catch (error) {
      if (!(error instanceof Exit)) throw error;
      app.reconfigure(undefined);
      log.error({ mistakes: error.message }, 'the configuration was read again and is wrong: nothing was changed');
    }
  }

  stop(): void {
    this.#watched?.stop();
  }
}
