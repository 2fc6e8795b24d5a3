/**
 * The schema of an event: a CloudEvent 1.0 in JSON, with the extension attributes `severity` and `priority`. Filters
 * look at the attributes, and at `state`, `incident_id` and `labels` in `data`. No module of Node's: clients import it.
 */

import { z } from 'zod';

/** Size of one event as JSON. Times `hub.historyMax`, it bounds the memory of the event history. */
export const EVENT_BYTES_MAX = 16 * 1024;

/** Any word, not a closed list: whoever posts incidents has names of their own. */
const word = z.string('1 to 32 letters, digits, _ -').regex(/^[A-Za-z0-9_-]{1,32}$/, '1 to 32 letters, digits, _ -');
const name = z.string('text of 1 to 256 characters').min(1, 'at least a character').max(256, 'at most 256 characters');
const TYPE = 'words of letters, digits, _ - with dots between, at most 128 characters';
const SOURCE = 'a URI reference of 1 to 256 visible ASCII characters';

const attributes = {
  specversion: z.literal('1.0', '1.0'),
  id: z.uuid('a UUID'),
  source: z.string(SOURCE).regex(/^[\x21-\x7e]{1,256}$/, SOURCE),
  type: z
    .string(TYPE)
    .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, TYPE)
    .max(128, TYPE),
  time: z.iso.datetime({ offset: true, error: 'a time as of RFC 3339' }).default(() => new Date().toISOString()),
  /** The resource that it is about: `pod/pod1`, `proxy/proxy_a`, or any other name. */
  subject: name.exactOptional(),
  severity: word.default('info'),
  priority: word.default('normal'),
  datacontenttype: z.literal('application/json', 'application/json').exactOptional(),
  data: z
    .looseObject(
      {
        state: word.exactOptional(),
        incident_id: name.exactOptional(),
        labels: z.record(z.string(), z.string('text'), 'a map of texts').exactOptional(),
      },
      'an object',
    )
    .default({}),
};

export const cloudEvent = z.looseObject(attributes, 'an event: an object').superRefine((event, { addIssue }) => {
  for (const [attribute, value] of Object.entries(event)) {
    if (Object.hasOwn(attributes, attribute) || isExtension(attribute, value)) continue;
    const message = 'an extension attribute: lower-case letters and digits; text, a whole number, true or false';
    addIssue({ code: 'custom', path: [attribute], message });
  }
});

export type CloudEvent = z.output<typeof cloudEvent>;

function isExtension(attribute: string, value: unknown): boolean {
  return (
    /^[a-z0-9]{1,32}$/.test(attribute) && (['string', 'boolean'].includes(typeof value) || Number.isInteger(value))
  );
}

/** The first part of the type. */
export function topicOf({ type }: CloudEvent): string {
  return type.split('.', 1)[0] ?? type;
}
