/** `wsgate watch` prints a gate's events, a line each; what happens to the connection it says on the other stream. */

import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { z } from 'zod';
import { Api, ApiError } from '../client/api.ts';
import { connect, type Item, type Status } from '../client/index.ts';
import { parseDuration } from '../config/notations.ts';
import { eventLine, jsonLine } from '../event-line.ts';
import { domainEventTypes } from '../hub/events/domain-event.ts';
import { nearest } from '../nearest.ts';
import { explain } from '../system-error.ts';
import { command, misused } from './command.ts';

interface WatchOptions {
  /** Of the gate: http or https. */
  readonly url: URL;
  readonly token: string | undefined;
  /** Empty: all. */
  readonly pods: readonly string[];
  readonly types: readonly string[];
  readonly severities: readonly string[];
  /** From when on what happened before is printed first; absent: nothing of it. */
  readonly since: Date | undefined;
  readonly json: boolean;
  readonly out: Writable;
  readonly err: Writable;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Resolves when `signal` or the reader of `out` ends it. Rejects when the gate does not let it watch. */
async function watch(options: WatchOptions): Promise<void> {
  const { url, token, pods, types, severities, since, json, out, err, signal } = options;
  const api = new Api({ url: new URL(url.pathname.replace(/\/*$/, '/'), url), token });
  const say = (text: string) => err.write(`wsgate: ${text}\n`);
  const ending = new AbortController();
  const end = (why?: unknown) => ending.abort(why);
  const ended = AbortSignal.any([signal, ending.signal]);
  out.once('error', () => end()); // nobody reads any more
  const connection = connect({
    url: api.webSocket('ws'),
    ...(since ? { since } : {}),
    ticket: () => ticketOf(api, options, end),
    onState: connectionTeller(url, say),
    onDegraded: (degraded, reason) =>
      say(
        degraded ? `only events of the gate at ${url.origin} come: ${reason || 'no Redis'}` : 'all events come again',
      ),
  });
  const subscription = connection.subscribe({
    types: [...types],
    severities: [...severities],
    resources: pods.map((pod) => `pod/${pod}`),
  });
  ended.addEventListener('abort', () => connection.close(), { once: true });
  if (ended.aborted) connection.close();
  for await (const item of subscription) {
    if (ended.aborted) break;
    if (item.kind !== 'event') say(lossOf(item));
    else if (!out.write(`${json ? jsonLine(item.event) : eventLine(item.event)}\n`)) {
      await once(out, 'drain', { signal: ended }).catch(() => {}); // it has ended
    }
  }
  if (ending.signal.reason instanceof Refused) throw ending.signal.reason;
}

class Refused extends Error {}

/** Asks without a token, too: that tells whether one is needed. `refused`: called when trying again is of no use. */
async function ticketOf(api: Api, { url, token }: WatchOptions, refused: (why: Refused) => void) {
  try {
    return await api.ticket();
  } catch (error) {
    if (!(error instanceof ApiError)) throw new Error(explain(error instanceof Error ? error.cause : error));
    const hint = `; WSGATE_TOKEN is ${token === undefined ? 'not set' : 'not one of them'}`;
    const why = new Refused(`${url.origin}: ${error.message}${error.status === 401 ? hint : ''}`);
    if (error.status < 500 && error.status !== 429) refused(why);
    throw why;
  }
}

/** Says when the connection is lost and when it is back, not each attempt between. */
function connectionTeller({ origin }: URL, say: (text: string) => void): (status: Status) => void {
  let told: 'open' | 'waiting' | undefined;
  return (status) => {
    if (status.state === 'open') say(told === 'waiting' ? 'connected again' : `connected to ${origin}`);
    if (status.state === 'waiting' && told !== 'waiting') say(`no connection to ${origin}: ${status.reason}`);
    if (status.state === 'open' || status.state === 'waiting') told = status.state;
  };
}

function lossOf(item: Exclude<Item, { kind: 'event' }>): string {
  if (item.kind === 'resync') return `events may be missing: ${item.reason}`;
  return `${item.missed} events are missing: they came faster than they were read`;
}

/** Others may post events of any type; but what begins like a type of the gates' own is meant to be one. */
function checkType(type: string): void {
  const [first] = type.split('.');
  const own = domainEventTypes.filter((known) => known.split('.')[0] === first);
  const known = [...own, `${first}.*`];
  if (own.length === 0 || known.includes(type)) return;
  throw misused(`--type ${type}: gates tell no such event; perhaps ${nearest(type, known) ?? known.join(', ')}`);
}

const TIME = z.iso.datetime({ offset: true });

function timeOf(when: string): Date {
  const agoMs = parseDuration(when);
  if (agoMs !== undefined) return new Date(Date.now() - agoMs);
  if (TIME.safeParse(when).success) return new Date(when);
  throw misused(`--since ${when}: expected a duration, such as 10m, or a time, such as 2026-01-31T12:00:00Z`);
}

const USAGE_INDENT = ' '.repeat(33);
const USAGE_WIDTH = 120;

function typesInLines(): string {
  const lines: string[] = [];
  for (const type of domainEventTypes) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + type.length + 2 <= USAGE_WIDTH)
      lines[lines.length - 1] = `${line}, ${type}`;
    else lines.push(USAGE_INDENT + type);
  }
  return lines.join(',\n');
}

export const watchCommand = command(
  {
    usage: `  wsgate watch [--url URL] [--pod NAME]… [--type TYPE]… [--severity WORD]… [--since WHEN] [--json]
                                 print the events of the gate at URL (http://127.0.0.1:7071), and of all that share its
                                 Redis, until Ctrl-C; its token, if it needs one, is in WSGATE_TOKEN. WORD is info, warning
                                 or critical. WHEN is a duration, such as 10m, or a time, such as 2026-01-31T12:00:00Z:
                                 what the gate still knows from then on comes first. TYPE may end in .*; gates tell
                                 these, and others may post more:
${typesInLines()}`,
    options: {
      url: { type: 'string' },
      pod: { type: 'string', multiple: true, default: [] },
      type: { type: 'string', multiple: true, default: [] },
      severity: { type: 'string', multiple: true, default: [] },
      since: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  },
  async (values, _rest, { env, out, err, signal }) => {
    const {
      url: text = env.WSGATE_URL ?? 'http://127.0.0.1:7071',
      pod: pods,
      type: types,
      severity: severities,
      json,
    } = values;
    const url = URL.parse(text);
    if (!url || !/^https?:$/.test(url.protocol)) throw misused(`--url ${text}: expected http://… or https://…`);
    for (const type of types) checkType(type);
    const since = values.since === undefined ? undefined : timeOf(values.since);
    const stop = new AbortController();
    void signal().then(() => stop.abort());
    await watch({
      url,
      token: env.WSGATE_TOKEN || undefined,
      pods,
      types,
      severities,
      since,
      json,
      out,
      err,
      signal: stop.signal,
    });
    return 0;
  },
);
