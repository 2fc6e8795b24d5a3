/** `wsgate watch`: a gate's events, a line each; what happens to the connection goes to the other stream. */

import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { connect, type Item, type Status } from '../client/index.ts';
import { eventLine, jsonLine } from '../event-line.ts';
import { explain } from '../system-error.ts';
import { command, misused } from './command.ts';

interface WatchOptions {
  /** Of the gate: http or https. */
  readonly url: URL;
  readonly token: string | undefined;
  /** Empty: all. */
  readonly pods: readonly string[];
  readonly types: readonly string[];
  readonly json: boolean;
  readonly out: Writable;
  readonly err: Writable;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Resolves when `signal` or the reader of `out` ends it. Rejects when the gate does not let it watch. */
async function watch({ url, token, pods, types, json, out, err, signal }: WatchOptions): Promise<void> {
  const gate = new URL(url.pathname.replace(/\/*$/, '/'), url);
  const say = (text: string) => err.write(`wsgate: ${text}\n`);
  const ending = new AbortController();
  const end = (why?: unknown) => ending.abort(why);
  const ended = AbortSignal.any([signal, ending.signal]);
  out.once('error', () => end()); // nobody reads any more
  const connection = connect({
    url: new URL('ws', gate),
    ticket: () => ticketOf(gate, token, end),
    onState: connectionTeller(gate, say),
    onDegraded: (degraded, reason) =>
      say(
        degraded ? `only events of the gate at ${gate.origin} come: ${reason || 'no Redis'}` : 'all events come again',
      ),
  });
  const subscription = connection.subscribe({ types: [...types], resources: pods.map((pod) => `pod/${pod}`) });
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

/**
 * Without a token, too: that tells whether one is needed, which a browser's WebSocket does not.
 * `refused`: called when there is no use in trying again.
 */
async function ticketOf(gate: URL, token: string | undefined, refused: (why: Refused) => void) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(new URL('v1/tickets', gate), { method: 'POST', headers }).catch(({ cause }) => {
    throw new Error(explain(cause));
  });
  if (response.status === 409) return undefined; // no ticket is needed
  const { ticket, detail } = (await response.json().catch(() => ({}))) as { ticket?: string; detail?: string };
  if (response.ok) return ticket;
  const why = new Refused(`${gate.origin}: ${detail ?? `HTTP ${response.status}`}`);
  if (response.status === 401)
    why.message += `; WSGATE_TOKEN is ${token === undefined ? 'not set' : 'not one of them'}`;
  if (response.status < 500 && response.status !== 429) refused(why);
  throw why;
}

/** Says when the connection is lost and when it is back, not each attempt between. */
function connectionTeller(gate: URL, say: (text: string) => void): (status: Status) => void {
  let told: 'open' | 'waiting' | undefined;
  return (status) => {
    if (status.state === 'open') say(told === 'waiting' ? 'connected again' : `connected to ${gate.origin}`);
    if (status.state === 'waiting' && told !== 'waiting') say(`no connection to ${gate.origin}: ${status.reason}`);
    if (status.state === 'open' || status.state === 'waiting') told = status.state;
  };
}

function lossOf(item: Exclude<Item, { kind: 'event' }>): string {
  if (item.kind === 'resync') return `events may be missing: ${item.reason}`;
  return `${item.missed} events are missing: they came faster than they were read`;
}

export const watchCommand = command(
  {
    usage: `  wsgate watch [--url URL] [--pod NAME]… [--type TYPE]… [--json]
                                 print the events of the gate at URL (http://127.0.0.1:7071), and of all that share its
                                 Redis, until Ctrl-C; its token, if it needs one, is in WSGATE_TOKEN`,
    options: {
      url: { type: 'string', default: 'http://127.0.0.1:7071' },
      pod: { type: 'string', multiple: true, default: [] },
      type: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
    },
  },
  async ({ url: text, pod: pods, type: types, json }, _rest, { env, out, err, signal }) => {
    const url = URL.parse(text);
    if (!url || !/^https?:$/.test(url.protocol)) throw misused(`--url ${text}: expected http://… or https://…`);
    const stop = new AbortController();
    void signal().then(() => stop.abort());
    await watch({ url, token: env.WSGATE_TOKEN || undefined, pods, types, json, out, err, signal: stop.signal });
    return 0;
  },
);
