/** `wsgate close` and `wsgate release`: ends connections, or frees the slot of one. */

import { command, misused } from './command.ts';
import { Gate, gateOptions, given, numberIn } from './gate.ts';
import { secondsOf } from './limits.ts';

const EXIT_OPEN = 2;

export const close = command(
  {
    usage: `  wsgate close [LEASE] [--pod POD] [--proxy PROXY] [--oldest N | --newest N] [--older-than TIME] [--rate N]
                                 closes that connection of the pod; or those of the pod, of the proxy, or of both: all of
                                 them, the oldest or newest N, those that are open for longer; N a second (100).
                                 [--reason WORD] for Envoy’s access log. Needs the hold door. Ends with 2 when one was not
                                 closed. [--url URL] [--json]`,
    options: {
      ...gateOptions,
      pod: { type: 'string' },
      proxy: { type: 'string' },
      oldest: { type: 'string' },
      newest: { type: 'string' },
      'older-than': { type: 'string' },
      rate: { type: 'string' },
      reason: { type: 'string' },
    },
    argumentsMax: 1,
  },
  async (values, [lease], host) => {
    const { pod, proxy, reason } = values;
    const gate = new Gate(values, host);
    if (lease !== undefined) {
      if (pod === undefined) throw misused('close LEASE wants --pod, which has it');
      const body = await gate.ask((api) => api.close(pod, lease, reason));
      gate.print(body, body.closed ? `${lease} is closed` : `${lease} is open still: ${body.why}`);
      return body.closed ? 0 : EXIT_OPEN;
    }
    if (pod === undefined && proxy === undefined) throw misused('close wants --pod or --proxy, or both');
    const crowd = given({
      pod,
      proxy,
      oldest: numberIn('--oldest', values.oldest),
      newest: numberIn('--newest', values.newest),
      olderThanSeconds: secondsOf(values['older-than'], '--older-than'),
      rate: numberIn('--rate', values.rate),
      reason,
    });
    const body = await gate.ask((api) => api.closeMany(crowd));
    const { asked, seconds, unheld } = body;
    const others = unheld === 0 ? '' : `; ${unheld} others stay open: no stream holds them`;
    gate.print(body, `${asked} are closed within ${seconds} s${others}`);
    return 0;
  },
);

export const release = command(
  {
    usage: `  wsgate release POD LEASE [--url URL] [--json]
                                 frees a slot by force. A connection that no stream holds stays open, and counts again when
                                 its proxy next tells of it`,
    options: gateOptions,
    argumentsMax: 2,
  },
  async (values, [pod, lease], host) => {
    if (pod === undefined || lease === undefined) throw misused('release wants a pod and a lease');
    const gate = new Gate(values, host);
    const body = await gate.ask((api) => api.release(pod, lease));
    const slot = body.released ? `the slot of ${lease} is free` : `there was no slot of ${lease}`;
    gate.print(body, body.closed ? `${slot}, and its connection closed` : `${slot}: ${body.why}`);
    return body.released ? 0 : EXIT_OPEN;
  },
);
