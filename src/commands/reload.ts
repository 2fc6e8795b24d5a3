/**
 * The configuration of a gate that runs: read again when its file changes, and when somebody asks. What can change while
 * the gate runs does, all at once; what cannot is named. A file with a mistake changes nothing.
 */

import { unwatchFile, watchFile } from 'node:fs';
import type { Logger } from 'pino';
import type { App } from '../app.ts';
import { changesBetween } from '../config/changes.ts';
import type { Config } from '../config/schema.ts';
import { readConfig } from './check-config.ts';
import { Exit, type Host } from './command.ts';

/** Asked that often, by name: also a ConfigMap, whose file is a link to a folder that is swapped, is seen to change. */
const WATCH_MS = 2000;
/** For a file that is written in place: half of it may be a configuration, too. */
const SETTLE_MS = 500;

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
  #config: Config;
  #settling: NodeJS.Timeout | undefined;

  constructor(running: Running) {
    this.#running = running;
    this.#config = running.config;
  }

  watch(): void {
    const { file } = this.#running;
    if (file !== undefined) watchFile(file, { interval: WATCH_MS }, this.#changed).unref();
  }

  read(): void {
    const { file, env, config: started, app, log } = this.#running;
    try {
      const config = readConfig(file, env);
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
    const { file } = this.#running;
    if (file !== undefined) unwatchFile(file, this.#changed);
    clearTimeout(this.#settling);
  }

  readonly #changed = () => {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.read(), SETTLE_MS);
  };
}
