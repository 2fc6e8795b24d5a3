/** The commands of `wsgate`. To add one, write its file in `commands/` as those there are, and add it to this table. */

import { checkConfig } from './commands/check-config.ts';
import type { Command } from './commands/command.ts';
import { serve } from './commands/serve.ts';
import { watchCommand } from './commands/watch.ts';

export const commands: ReadonlyMap<string, Command> = new Map([
  ['serve', serve],
  ['check-config', checkConfig],
  ['watch', watchCommand],
]);

export const USAGE = `wsgate keeps an exact, fleet-wide limit on WebSocket connections per pod, for Envoy.

${[...commands.values()].map(({ usage }) => usage).join('\n')}
  wsgate --version
  wsgate --help

SIGTERM and SIGINT stop it in order, within stop.deadline; a second one ends it at once.

It exits with 0 when it was stopped, 1 when it could not start (an address is taken, a gate refuses to be watched), 64
when the command line is wrong, 78 when the configuration is, and 128 + the signal's number at the second signal.
`;
