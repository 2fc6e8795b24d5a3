/** An event as one line for a terminal. */

import { harmless } from './harmless.ts';
import type { CloudEvent } from './hub/events/cloud-event.ts';
import { isFromGate } from './hub/events/domain-event.ts';

/** As wide as the longest value in gates' events; a pod's name may be longer. */
const WIDTHS = { time: 24, severity: 8, type: 19, subject: 20 };

/** The details of an event that somebody posted begin with its source; those of a gate's event do not. */
export function eventLine({ time, severity, type, subject = '-', source, data }: CloudEvent): string {
  const { labels = {}, ...rest } = data;
  const poster = isFromGate({ source }) ? {} : { source };
  const details = [poster, rest, labels].flatMap(Object.entries).map(([name, value]) => `${name}=${plain(value)}`);
  const columns = [
    time.padEnd(WIDTHS.time),
    severity.padEnd(WIDTHS.severity),
    type.padEnd(WIDTHS.type),
    harmless(subject).padEnd(WIDTHS.subject),
    harmless(details.join(' ')),
  ];
  return columns.join('  ').trimEnd();
}

/** Anybody may post an event, and JSON allows control characters beyond ASCII in a text. */
export function jsonLine(event: CloudEvent): string {
  return harmless(JSON.stringify(event));
}

function plain(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
