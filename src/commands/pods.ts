/** `wsgate pods` and `wsgate connections`: the counts, and who holds the slots. */

import type { PodBody } from '../http/bodies.ts';
import { wordsOf } from '../http/override-words.ts';
import { command } from './command.ts';
import { Gate, gateOptions, numberIn, podIn, table } from './gate.ts';

const PODS_DEFAULT = 1000;
const CONNECTIONS_DEFAULT = 100;

export const pods = command(
  {
    usage: `  wsgate pods [TEXT] [--limit N] [--url URL] [--json]
                                 the pods, how many connections each has and may have, and what somebody has decided about
                                 it. TEXT: those with it in their name`,
    options: { ...gateOptions, limit: { type: 'string' } },
    argumentsMax: 1,
  },
  async ({ limit, ...values }, [text = ''], host) => {
    const gate = new Gate(values, host);
    const max = numberIn('--limit', limit) ?? PODS_DEFAULT;
    const body = await gate.ask((api) => api.find(text, max));
    const rows = body.pods.map((pod) => [pod.pod, pod.connections, pod.limit, decidedOf(pod)]);
    gate.print(body, ...table(['POD', 'CONNECTIONS', 'LIMIT', 'DECIDED'], rows));
    return 0;
  },
);

export const connections = command(
  {
    usage: `  wsgate connections POD [--limit N] [--url URL] [--json]
                                 who holds the slots of a pod, at most N (100, and 1,000 at most). HELD: a gate has held a
                                 stream for it, so it can be closed`,
    options: { ...gateOptions, limit: { type: 'string' } },
    argumentsMax: 1,
  },
  async ({ limit, ...values }, rest, host) => {
    const pod = podIn(rest, 'connections');
    const gate = new Gate(values, host);
    const max = numberIn('--limit', limit) ?? CONNECTIONS_DEFAULT;
    const body = await gate.ask((api) => api.connections(pod, max));
    const rows = body.connections.map(({ lease, proxy, client, since, path, held }) => [
      lease,
      proxy,
      client ?? '-',
      since ?? '-',
      held ? 'yes' : 'no',
      path ?? '-',
    ]);
    const more = body.next === null ? [] : [`there are more than ${body.connections.length}: --limit, up to 1000`];
    gate.print(body, ...table(['LEASE', 'PROXY', 'CLIENT', 'SINCE', 'HELD', 'PATH'], rows), ...more);
    return 0;
  },
);

function decidedOf({ overrides = [] }: PodBody): string {
  return overrides.map(wordsOf).join('; ');
}
