/** The commands of `wsgate`. To add one, write its file in `commands/` as those there are, and add it to this table. */

import { audit } from './commands/audit.ts';
import { checkConfig } from './commands/check-config.ts';
import { close, release } from './commands/close.ts';
import type { Command } from './commands/command.ts';
import { cordon, uncordon } from './commands/cordon.ts';
import { doctor } from './commands/doctor.ts';
import { drain } from './commands/drain.ts';
import { explainPod } from './commands/explain.ts';
import { help } from './commands/help.ts';
import { limits } from './commands/limits.ts';
import { connections, pods } from './commands/pods.ts';
import { serve } from './commands/serve.ts';
import { services } from './commands/services.ts';
import { watchCommand } from './commands/watch.ts';

const named: ReadonlyMap<string, Command> = new Map([
  ['serve', serve],
  ['check-config', checkConfig],
  ['watch', watchCommand],
  ['doctor', doctor],
  ['pods', pods],
  ['services', services],
  ['connections', connections],
  ['explain', explainPod],
  ['limits', limits],
  ['cordon', cordon],
  ['uncordon', uncordon],
  ['drain', drain],
  ['close', close],
  ['release', release],
  ['audit', audit],
]);

export const USAGE = `wsgate keeps an exact, fleet-wide limit on WebSocket connections per pod, for Envoy.

Commands
${[...named.values()].map(({ usage }) => usage).join('\n')}
  wsgate help [COMMAND|config]   this; or one command; or every key of the configuration, its default and its reason
  wsgate --version               print the version
  wsgate --help                  print this

Environment
  WSGATE_…                       a key of the configuration: lease.ttl is WSGATE_LEASE_TTL. It wins over the file
  REDIS_URL                      store.url, unless the file or WSGATE_STORE_URL sets it
  WSGATE_TOKEN                   one of the gate's http.tokens, for the commands that ask a gate
  WSGATE_URL                     the gate that they ask, where no --url is given; http://127.0.0.1:7071 unless set

Files
  FILE                           the configuration, as YAML; without FILE none is read, and defaults are used
  store.file                     the leases of a gate without Redis, in a folder that it may write to
  listen.tls, store.tls          certificates; those of listen.tls are read again when they change

serve writes its log to stdout, a JSON object each line. Mistakes go to stderr.

Signals
  SIGTERM, SIGINT                stop in order, within stop.deadline; a second one ends the process at once
  SIGHUP                         serve reads its configuration again, as it does when the file changes: limits and the log
                                 level change at once; what needs a restart is named in the log; a wrong file changes nothing

Exit codes
  0                              it was stopped, or has done what it was asked
  1                              it could not start (an address is taken), or a gate or an Envoy refuses or does not answer
  2                              wsgate doctor has found something; connections are open that drain or close should have
                                 closed, or release found no slot
  64                             the command line is wrong
  78                             the configuration is wrong
  128 + the signal's number      it was ended by the second signal
`;

export const commands: ReadonlyMap<string, Command> = new Map([...named, ['help', help(named, USAGE)]]);
