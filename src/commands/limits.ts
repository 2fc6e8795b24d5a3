/** `wsgate limits`: which limits somebody has changed while the fleet runs, and changing them. */

import { parseDuration } from '../config/notations.ts';
import type { LimitBody } from '../http/bodies.ts';
import { wordsOf } from '../http/override-words.ts';
import { command, misused } from './command.ts';
import { Gate, gateOptions, given, numberIn, podIn, table } from './gate.ts';

export const limits = command(
  {
    usage: `  wsgate limits [get [POD] | set POD N [--for TIME] [--reason TEXT] [--close oldest|newest] | delete POD]
                                 what somebody has decided about pods, or the limit of a pod and where it comes from; sets
                                 it to N connections at once, fleet-wide; takes that back. TIME: how long it lasts, such as
                                 2h. --close: closes the connections that are beyond it. [--url URL] [--json]`,
    options: {
      ...gateOptions,
      for: { type: 'string' },
      reason: { type: 'string' },
      close: { type: 'string' },
    },
    argumentsMax: 3,
  },
  async ({ for: time, reason, close, ...values }, [what = 'get', ...rest], host) => {
    const gate = new Gate(values, host);
    if (what === 'get' && rest.length === 0) {
      const body = await gate.ask((api) => api.overrides());
      const rows = body.overrides.map((each) => [each.pod, each.at, wordsOf(each)]);
      gate.print(
        body,
        ...(rows.length === 0 ? ['nobody has changed anything'] : table(['POD', 'AT', 'DECIDED'], rows)),
      );
      return 0;
    }
    const pod = podIn(rest, `limits ${what}`);
    const body = await gate.ask((api) => {
      if (what === 'get') return api.limit(pod);
      if (what === 'delete') return api.deleteLimit(pod);
      if (what !== 'set') throw misused(`limits ${what}: expected get, set or delete`);
      const connections = numberIn('limits set POD', rest[1]);
      if (connections === undefined) throw misused('limits set wants a pod and a number of connections');
      return api.setLimit(pod, {
        connections,
        ...given({ forSeconds: secondsOf(time), reason, close: firstOf(close) }),
      });
    });
    gate.warn(pod, body);
    gate.print(body, ...linesOf(body));
    return 0;
  },
);

function linesOf({ pod, limit, configured, overrides, closing }: LimitBody): string[] {
  const decided = overrides.map((each) => `  ${wordsOf(each)}`);
  const lines = [
    `${pod}: ${limit} connections${decided.length === 0 ? ', as configured' : ` (configured: ${configured})`}`,
  ];
  if (!closing) return [...lines, ...decided];
  const { asked, seconds, unheld } = closing;
  return [...lines, ...decided, `  ${asked} are closed within ${seconds} s; no stream holds ${unheld} others`];
}

/** Of a duration such as 30m. */
export function secondsOf(text: string | undefined, option = '--for'): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms === undefined || ms < 1000) throw misused(`${option} ${text}: expected a duration, such as 30s, 10m or 2h`);
  return Math.round(ms / 1000);
}

function firstOf(text: string | undefined): 'oldest' | 'newest' | undefined {
  if (text === undefined || text === 'oldest' || text === 'newest') return text;
  throw misused(`--close ${text}: expected oldest or newest`);
}
