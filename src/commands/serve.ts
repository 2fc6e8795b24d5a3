/** `wsgate serve`: a gate, from its start to its end. */

import { startApp } from '../app.ts';
import { createLogger } from '../logger.ts';
import { readConfig } from './check-config.ts';
import { command } from './command.ts';

export const serve = command(
  {
    usage: '  wsgate serve [--config FILE]   serve Envoy, by the file and the WSGATE_… variables',
    options: { config: { type: 'string' } },
  },
  async ({ config: file }, _rest, host) => {
    const config = readConfig(file, host.env);
    const log = await createLogger(config.log, host.out, host.outIsTerminal);
    host.onHangup(() => log.warn('ignored SIGHUP: the configuration is read at the start only'));
    const app = await startApp(config, log);
    const signalled = host.signal(); // before anybody is told that it serves
    log.info({ grpc: app.grpc, http: app.http, store: config.store.url ? 'redis' : 'embedded' }, 'serving');
    const signal = await signalled;
    log.info({ signal }, 'stopping; a second signal ends at once');
    const inTime = await app.stop();
    if (inTime) log.info('stopped');
    else log.warn({ deadlineMs: config.stop.deadline }, 'stopped at the deadline: something was cut off');
    return 0;
  },
);
