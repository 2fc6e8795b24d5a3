/**
 * The messages of `/ws` and of the two streams of figures, JSON texts each with a `type`, and the close codes.
 * `docs/hub.md` describes them. No module of Node's: clients import it.
 */

import { z } from 'zod';
import { cloudEvent } from './events/cloud-event.ts';

const VALUES_MAX = 100;
const id = z.string('text of 1 to 128 characters').min(1, 'at least a character').max(128, 'at most 128 characters');
const value = z.string('text').min(1, 'at least a character').max(256, 'at most 256 characters');
const values = z.array(value, 'a list of texts').max(VALUES_MAX, `at most ${VALUES_MAX} values`).default([]);

export const filters = z.strictObject(
  {
    /** Exact, or a prefix: `connection.*`. */
    types: values,
    severities: values,
    states: values,
    sources: values,
    /** An event's `subject`. */
    resources: values,
    incident_ids: values,
    /** All of them have to match. */
    labels: z
      .record(value, value, 'a map of texts')
      .refine((labels) => Object.keys(labels).length <= VALUES_MAX, `at most ${VALUES_MAX} labels`)
      .default({}),
  },
  'an object of: types, severities, states, sources, resources, incident_ids, labels',
);

export type Filters = z.output<typeof filters>;

const subscription = { subscription_id: id, filters: filters.default(() => filters.parse({})) };

export const clientMessage = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('subscribe'), ...subscription }),
    z.strictObject({ type: z.literal('unsubscribe'), subscription_id: id }),
    /** Subscribes, and is first sent what the history holds after that event, or from that time on. */
    z
      .strictObject({
        type: z.literal('resume'),
        last_event_id: z.uuid('the id of an event').optional(),
        since: z.iso.datetime({ offset: true, error: 'a time as in RFC 3339' }).optional(),
        subscriptions: z.array(z.strictObject(subscription), 'a list of subscriptions').min(1, 'at least one'),
      })
      .refine(({ last_event_id, since }) => (last_event_id === undefined) !== (since === undefined), {
        path: ['last_event_id'],
        error: 'either last_event_id or since',
      }),
    z.strictObject({ type: z.literal('ping') }),
  ],
  'a message with a type: subscribe, unsubscribe, resume, ping',
);

export type ClientMessage = z.output<typeof clientMessage>;

export const errorCodes = [
  'INVALID_JSON',
  'INVALID_MESSAGE',
  'TOO_MANY_SUBSCRIPTIONS',
  'UNKNOWN_SUBSCRIPTION',
] as const;
const time = z.iso.datetime();
const count = z.int().min(0);

/** So many of the oldest messages were dropped, because this client reads too slowly. */
const lagged = z.strictObject({ type: z.literal('lagged'), missed: count });
/** Whether only this gate's own events come, because Redis is away. */
const degraded = z.strictObject({ type: z.literal('degraded'), degraded: z.boolean(), reason: z.string() });
/** The gate stops. */
const closing = z.strictObject({ type: z.literal('closing'), reason: z.string(), retry_after_ms: count });
/** The newest event that this client was sent, or did not want: `resume` goes on after it. Absent without a history. */
const position = { last_event_id: z.uuid().optional() };
const pong = z.strictObject({ type: z.literal('pong'), server_time: time, ...position });

/** What `/ws` sends. */
export const serverMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('welcome'), session_id: z.uuid(), server_time: time, degraded: z.boolean() }),
  z.strictObject({ type: z.literal('subscribed'), subscription_id: id, filters, ...position }),
  z.strictObject({ type: z.literal('unsubscribed'), subscription_id: id }),
  z.strictObject({ type: z.literal('event'), subscription_ids: z.array(id).min(1), event: cloudEvent }),
  /** `subscription_id`: of the one that is at fault, if one is. */
  z.strictObject({
    type: z.literal('error'),
    code: z.enum(errorCodes),
    message: z.string(),
    subscription_id: id.optional(),
  }),
  /** All missed events have been sent, so many; what follows is new. */
  z.strictObject({ type: z.literal('resumed'), events: count }),
  /** Events may be lost: read the state anew. */
  z.strictObject({ type: z.literal('resync'), reason: z.string() }),
  lagged,
  degraded,
  closing,
  pong,
]);

export type ServerMessage = z.output<typeof serverMessage>;

const perSecond = z.number().min(0);
export const levels = ['normal', 'filling', 'saturated'] as const;

/** The fleet's figures. */
export const snapshot = z.strictObject({
  /** When the figures were read, by the store's clock. */
  timestamp: time,
  /** `recovering`: it may have lost leases, and its figures are too low. */
  store: z.enum(['up', 'recovering', 'down']),
  /** Whether these are old figures, because the store cannot be asked. */
  stale: z.boolean(),
  gates: count,
  /** Gates whose heartbeat has stopped although they did not leave; at most 20. */
  silent_gates: z.array(z.string()),
  /** Proxies that send Checks but no access log: their slots are never freed; at most 20. */
  unlogged_proxies: z.array(z.string()),
  /** Proxies whose access log does not speak of all connections that live; at most 20. */
  unrenewed_proxies: z.array(z.string()).default([]),
  totals: z.strictObject({ connections: count, pods: count, proxies: count, filling: count, saturated: count }),
  /** Connections a second, over the last five. */
  rates: z.strictObject({ admitted: perSecond, denied: perSecond, released: perSecond }),
  /** Those with the least room first; at most 1,000. */
  pods: z.array(
    z.strictObject({
      pod: z.string(),
      connections: count,
      limit: count,
      level: z.enum(levels),
      proxies: z.record(z.string(), count),
    }),
  ),
  /** Those with the most connections first; at most 1,000. */
  proxies: z.array(z.strictObject({ proxy: z.string(), connections: count })),
});

export type Snapshot = z.output<typeof snapshot>;
/** Which gates are there, and which gates and proxies need attention. */
export type Attendance = Pick<Snapshot, 'gates' | 'silent_gates' | 'unlogged_proxies' | 'unrenewed_proxies'>;
export type Level = (typeof levels)[number];

const metrics = z.strictObject({ type: z.literal('metrics'), ...snapshot.shape });

/** What `/ws/metrics` sends. */
export const metricsMessage = z.discriminatedUnion('type', [metrics, lagged, closing]);

/** What `/api/monitoring/ws` sends. */
export const consoleMessage = z.discriminatedUnion('type', [
  metrics,
  z.strictObject({ type: z.literal('event'), event: cloudEvent }),
  degraded,
  lagged,
  closing,
  pong,
]);

export type ConsoleMessage = z.output<typeof consoleMessage>;

export interface CloseReason {
  readonly code: number;
  readonly reason: string;
}

/** Why a gate ends a client's connection: WebSocket close codes (RFC 6455, 7.4). */
export const closeReasons = {
  /** The gate stops. The client may come back after `retry_after_ms` of the `closing` message. */
  stopping: { code: 1012, reason: 'the gate stops' },
  /** The client reads more slowly than events come, and its queue was full. */
  tooSlow: { code: 4001, reason: 'too slow' },
  /** Neither a message nor a pong came for the session timeout. */
  silent: { code: 4002, reason: 'silent' },
  /** The client sent more messages a second than allowed. */
  tooManyMessages: { code: 4003, reason: 'too many messages' },
} as const satisfies Record<string, CloseReason>;

const named = z.object({ subscription_id: id });
const naming = z.object({ subscriptions: z.array(z.unknown()) });

/**
 * The id of the subscription with a message's first mistake. Undefined when there is none, or its id is the mistake.
 */
export function subscriptionAtFault(message: unknown, { issues }: z.ZodError): string | undefined {
  const [list, index] = issues[0]?.path ?? [];
  const inList = list === 'subscriptions' && typeof index === 'number';
  const at = inList ? naming.safeParse(message).data?.subscriptions[index] : message;
  return named.safeParse(at).data?.subscription_id;
}

/** The first mistake, with its field: `filters.types: expected a list of texts`. */
export function firstMistake({ issues }: z.ZodError): string {
  const [issue] = issues;
  if (!issue) return 'not understood';
  const field = issue.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  const extra =
    issue.code === 'unrecognized_keys' ? `there is no ${issue.keys.join(', ')}` : `expected ${issue.message}`;
  return field === '' ? extra : `${field.replace(/^\./, '')}: ${extra}`;
}
