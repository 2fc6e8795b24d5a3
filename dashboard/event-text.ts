/** What an event says beyond its type and its pod, in a line. */

import type { CloudEvent } from '../src/client/index.ts';
import { GATE_SOURCE, isFromGate } from '../src/hub/events/domain-event.ts';

/** Anybody may post an event. */
const CHARS_MAX = 300;
/** Of what gates tell, this needs no word to be understood: the line is short. */
const PLAIN = new Set(['proxy', 'reason', 'client', 'cause']);

export function eventText({ type, subject, severity, source, data }: CloudEvent): string {
  const { labels: { pod: _, ...labels } = {}, count, state: __, lease: ___, ...rest } = data;
  const byGate = isFromGate({ source });
  const isSaid = ([name, value]: [string, unknown]) => !(byGate && name === 'peer' && value === rest.client);
  // Of what gates tell, the labels name the pod or the proxy already.
  const parts = [
    ...(byGate ? [] : [`${severity} from ${source}`, ...(subject === undefined ? [] : [subject])]),
    ...(typeof count === 'number' && count > 1 ? [`×${count}`] : []),
    ...[...Object.entries(labels), ...Object.entries(rest).filter(isSaid)].map(
      ([name, value]) => `${byGate && PLAIN.has(name) ? '' : `${wordOf(name)} `}${plain(value)}`,
    ),
    ...(byGate && type.startsWith('gate.') ? [source.slice(GATE_SOURCE.length)] : []),
  ];
  return parts.join(' · ').slice(0, CHARS_MAX);
}

function wordOf(name: string): string {
  return name.replaceAll('_', ' ');
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
