/** `wsgate audit`: who changed what in the fleet. */

import type { AuditEntryBody } from '../http/bodies.ts';
import { command } from './command.ts';
import { Gate, gateOptions, numberIn, table } from './gate.ts';

const ENTRIES_DEFAULT = 100;

export const audit = command(
  {
    usage: `  wsgate audit [--limit N] [--url URL] [--json]
                                 who changed what, the newest first: limits, cordons, drains, connections that were closed`,
    options: { ...gateOptions, limit: { type: 'string' } },
  },
  async ({ limit, ...values }, _rest, host) => {
    const gate = new Gate(values, host);
    const body = await gate.ask((api) => api.audit(numberIn('--limit', limit) ?? ENTRIES_DEFAULT));
    const rows = body.entries.map((entry) => [entry.time, entry.by, entry.action, entry.pod ?? '-', detailsOf(entry)]);
    gate.print(body, ...table(['TIME', 'BY', 'ACTION', 'POD', 'DETAILS'], rows));
    return 0;
  },
);

function detailsOf({ time: _time, by: _by, action: _action, pod: _pod, reason, ...details }: AuditEntryBody): string {
  const words = Object.entries(details).map(([name, value]) => `${name}=${value}`);
  return [...words, ...(reason === undefined ? [] : [reason])].join(' ');
}
