/** `wsgate services`: each service with its pods, how full they are, and which take new connections. */

import type { ServiceBody } from '../http/bodies.ts';
import { command } from './command.ts';
import { Gate, gateOptions, numberIn, table } from './gate.ts';

const PODS_DEFAULT = 1000;
const HEADS = ['POD', 'CONNECTIONS', 'LIMIT', 'STATE', 'ZONE', 'NAME'];

export const services = command(
  {
    usage: `  wsgate services [--limit N] [--url URL] [--json]
                                 the services, with the first N pods of each (1,000): how many connections each has and may
                                 have, and whether it takes new ones. NAME: as Kubernetes has it`,
    options: { ...gateOptions, limit: { type: 'string' } },
  },
  async ({ limit, ...values }, _rest, host) => {
    const gate = new Gate(values, host);
    const max = numberIn('--limit', limit) ?? PODS_DEFAULT;
    const body = await gate.ask((api) => api.services(max));
    const none = body.services.length === 0 ? ['the configuration has no services'] : [];
    gate.print(body, ...none, ...body.services.flatMap(linesOf));
    return 0;
  },
);

function linesOf({ service, connections, limit, free, size, pods }: ServiceBody): string[] {
  const rows = pods.map((pod) => [pod.pod, pod.connections, pod.limit, pod.state, pod.zone ?? '-', pod.name ?? '-']);
  const more = size > pods.length ? [`and ${size - pods.length} other pods: --limit`] : [];
  const lines = size > 0 ? table(HEADS, rows) : ['it has no pod'];
  return [
    `${service}: ${connections} connections of ${limit}, ${free} free`,
    ...lines.map((line) => `  ${line}`),
    ...more,
  ];
}
