/** `wsgate serve`: a gate, from its start to its end. */

import type { Logger } from 'pino';
import { startApp } from '../app.ts';
import type { Config } from '../config/schema.ts';
import { createLogger } from '../logger.ts';
import { openFilesMax, openFilesNeeded } from '../open-files.ts';
import { see } from '../see.ts';
import { readConfig } from './check-config.ts';
import { command } from './command.ts';
import { Reload } from './reload.ts';

export const serve = command(
  {
    usage: '  wsgate serve [--config FILE]   serve Envoy, by the file and the WSGATE_… variables',
    options: { config: { type: 'string' } },
  },
  async ({ config: file }, _rest, host) => {
    const config = readConfig(file, host.env);
    const log = await createLogger(config.log, host.out, host.outIsTerminal);
    let reload: Reload | undefined;
    host.onHangup(() => reload?.read()); // one that comes before it serves would change nothing
    const app = await startApp(config, log);
    lookAtOpenFiles(config, log);
    reload = new Reload({ file, env: host.env, config, app, log });
    reload.watch();
    const signalled = host.signal(); // before anybody is told that it serves
    log.info({ grpc: app.grpc, http: app.http, store: config.store.url ? 'redis' : 'embedded' }, 'serving');
    const signal = await signalled;
    log.info({ signal }, 'stopping; a second signal ends at once');
    reload.stop();
    const inTime = await app.stop();
    if (inTime) log.info('stopped');
    else log.warn({ deadlineMs: config.stop.deadline }, 'stopped at the deadline: something was cut off');
    return 0;
  },
);

function lookAtOpenFiles(config: Config, log: Logger): void {
  const [max, needed] = [openFilesMax(), openFilesNeeded(config)];
  if (max === undefined || max >= needed) return;
  log.warn(
    { openFilesMax: max, needed, see: see('open-files') },
    `this process may open ${max} files, and ${needed} connections and files are allowed: beyond that no Envoy can ` +
      `connect. Allow as many (systemd: LimitNOFILE=${needed}; docker run --ulimit nofile=${needed}:${needed}; a shell: ` +
      `ulimit -n ${needed}), or lower listen.connectionsMax, http.connectionsMax, hub.clientsMax`,
  );
}
