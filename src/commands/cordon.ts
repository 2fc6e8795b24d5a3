/** `wsgate cordon` and `wsgate uncordon`: whether a pod takes new connections. */

import { command } from './command.ts';
import { Gate, gateOptions, podIn } from './gate.ts';

export const cordon = command(
  {
    usage: `  wsgate cordon POD [--reason TEXT] [--url URL] [--json]
                                 no new connections to this pod, fleet-wide and at once, until uncordon`,
    options: { ...gateOptions, reason: { type: 'string' } },
    argumentsMax: 1,
  },
  async ({ reason, ...values }, rest, host) => {
    const pod = podIn(rest, 'cordon');
    const gate = new Gate(values, host);
    const body = await gate.ask((api) => api.cordon(pod, reason));
    gate.warn(pod, body);
    gate.print(body, `${pod} takes no new connections`);
    return 0;
  },
);

export const uncordon = command(
  {
    usage: `  wsgate uncordon POD [--url URL] [--json]
                                 new connections again; ends a drain, too`,
    options: gateOptions,
    argumentsMax: 1,
  },
  async (values, rest, host) => {
    const pod = podIn(rest, 'uncordon');
    const gate = new Gate(values, host);
    await gate.ask((api) => api.uncordon(pod));
    gate.print(undefined, `${pod} takes new connections again`);
    return 0;
  },
);
