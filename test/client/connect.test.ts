/** The client on a real gate that stays. */

import { afterEach, describe, expect, it } from 'vitest';
import { checkOf, newStream } from '../../lab/fleet/messages.ts';
import { readMetrics } from '../../lab/fleet/metrics.ts';
import { until } from '../../lab/fleet/processes.ts';
import { Wire } from '../../lab/fleet/wire.ts';
import { Api } from '../../src/client/api.ts';
import {
  type Connection,
  type ConnectOptions,
  connect,
  type Status,
  SubscriptionRefused,
} from '../../src/client/index.ts';
import { admitted, incident } from '../hub/client.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Reader } from './reader.ts';

const TOKEN = 'correct-horse-battery';

let gate: TestApp;
let connection: Connection;
afterEach(async () => {
  connection.close();
  await gate.stop();
});

function open(options: Partial<ConnectOptions> = {}): Connection {
  connection = connect({ url: `${gate.app.http}/ws`, backoff: { firstMs: 20, maxMs: 50 }, ...options });
  return connection;
}

async function figure(name: string): Promise<number> {
  return (await readMetrics(`${gate.app.http}/metrics`))[name] ?? Number.NaN;
}

const subscriptionsAre = (count: number) =>
  until(`${count} subscriptions`, async () => (await figure('websocket_hub_subscriptions')) === count);

async function post(count: number, overrides: object = {}): Promise<string[]> {
  const events = Array.from({ length: count }, () => incident(overrides));
  await gate.api.publish(events);
  return events.map(({ id }) => String(id));
}

describe('subscriptions', () => {
  it('each get what they want: what happens in the gate, and what people post', async () => {
    gate = await startTestApp({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '1' });
    await admitted(gate, 'pod1');
    open();
    const denials = new Reader(connection.subscribe({ types: ['connection.denied'] }));
    const incidents = new Reader(connection.subscribe({ types: ['incident.*'], severities: ['high'] }));
    await subscriptionsAre(2);
    await gate.check(checkOf(newStream(), 'pod1'));
    const [id] = await post(1);
    await post(1, { severity: 'low' });
    await Promise.all([denials.has(1), incidents.has(1)]);
    const late = new Reader(connection.subscribe());
    await subscriptionsAre(3);
    const [last] = await post(1);
    await Promise.all([late.has(1), incidents.has(2)]);
    expect(denials.items).toMatchObject([
      { kind: 'event', event: { type: 'connection.denied', subject: 'pod/pod1', data: { count: 1 } } },
    ]);
    expect(incidents.ids()).toEqual([id, last]);
    expect(late.ids()).toEqual([last]);
  });

  it('lose the oldest events when they are not read in time, and tell where and how many', async () => {
    gate = await startTestApp();
    open({ bufferMax: 10 });
    const slow = connection.subscribe({ types: ['incident.*'] });
    const fast = new Reader(connection.subscribe({ types: ['last.*'] }));
    await subscriptionsAre(2);
    const ids = await post(50);
    await post(1, { type: 'last.one' });
    await fast.has(1);
    slow.close();
    const read = new Reader(slow);
    await read.ended;
    expect(read.items[0]).toEqual({ kind: 'lagged', missed: 40 });
    expect(read.ids()).toEqual(ids.slice(40));
    expect(read.items).toHaveLength(11);
    expect(fast.losses()).toEqual([]);
  });

  it('go on after the event that one names, and then with what comes', async () => {
    gate = await startTestApp();
    const ids = await post(3);
    await until('they are told', async () => (await gate.api.events(3)).events.length === 3);
    open({ after: String(ids[0]) });
    const all = new Reader(connection.subscribe());
    await all.has(2);
    const [last] = await post(1);
    await all.has(3);
    expect(all.ids()).toEqual([...ids.slice(1), last]);
    expect(all.losses()).toEqual([]);
  });

  it('are told of a loss when the event that one names is forgotten', async () => {
    gate = await startTestApp();
    open({ after: crypto.randomUUID() });
    const all = new Reader(connection.subscribe());
    await until('it is told', () => all.losses().length === 1);
    expect(all.items[0]).toMatchObject({ kind: 'resync' });
  });

  it('end at the gate when their reader leaves the loop', async () => {
    gate = await startTestApp();
    open();
    const left = connection.subscribe();
    const kept = new Reader(connection.subscribe());
    await subscriptionsAre(2);
    await post(1);
    for await (const item of left) {
      expect(item.kind).toBe('event');
      break;
    }
    await subscriptionsAre(1);
    await post(1);
    await kept.has(2);
  });

  it('that the gate refuses throw its error, and leave the others alone', async () => {
    gate = await startTestApp({ WSGATE_HUB_SUBSCRIPTIONS_MAX: '1' });
    open();
    const first = new Reader(connection.subscribe());
    const second = new Reader(connection.subscribe());
    const third = new Reader(connection.subscribe({ types: ['x'.repeat(300)] }));
    expect(await second.ended).toMatchObject({ name: 'SubscriptionRefused', code: 'TOO_MANY_SUBSCRIPTIONS' });
    expect(await second.ended).toBeInstanceOf(SubscriptionRefused);
    expect(await third.ended).toMatchObject({
      code: 'INVALID_MESSAGE',
      message: 'filters.types[0]: expected at most 256 characters',
    });
    const ids = await post(2);
    await first.has(2);
    expect(first.ids()).toEqual(ids);
  });
});

describe('a subscription that wants few events', () => {
  const few = { types: ['rare.*'] };
  let wire: Wire;
  let said = '';
  afterEach(() => wire.stop());

  async function openByWire(historyMax: number): Promise<Reader> {
    gate = await startTestApp({ WSGATE_HUB_HISTORY_MAX: String(historyMax) });
    said = ''; // a WebSocket server's frames are not masked: its texts can be read in it
    wire = await Wire.to(Number(new URL(gate.app.http).port), (bytes) => {
      said += bytes.toString();
    });
    open({ url: `http://127.0.0.1:${wire.port}/ws`, pingMs: 100 });
    const reader = new Reader(connection.subscribe(few));
    await subscriptionsAre(1);
    return reader;
  }

  it('misses nothing when the connection breaks before its first event', async () => {
    const reader = await openByWire(1000);
    await until('it is taken', () => said.includes('"subscribed"'));
    wire.breakAll();
    const ids = await post(1, { type: 'rare.one' });
    await reader.has(1);
    expect(reader.items).toMatchObject([{ kind: 'event', event: { id: ids[0] } }]);
  });

  it('goes on where it was, although the history no longer holds any of its events', async () => {
    const reader = await openByWire(100);
    const ids = await post(1, { type: 'rare.one' });
    await reader.has(1);
    for (let i = 0; i < 2; i += 1) await post(100);
    const last = (await post(1)).at(-1);
    await until('it has heard how far it is', () => said.includes(`"last_event_id":"${last}"`));
    wire.breakAll();
    ids.push(...(await post(1, { type: 'rare.one' })));
    await reader.has(2);
    expect(reader.ids()).toEqual(ids);
    expect(reader.losses()).toEqual([]);
  });
});

describe('a connection', () => {
  it('that is closed ends the loops, after what has already come', async () => {
    gate = await startTestApp();
    const seen: Status['state'][] = [];
    open({ onState: ({ state }) => seen.push(state) });
    const unread = connection.subscribe();
    const reader = new Reader(connection.subscribe());
    await subscriptionsAre(2);
    await post(3);
    await reader.has(3);
    connection.close();
    expect(await reader.ended).toBeUndefined();
    const late = new Reader(unread);
    expect(await late.ended).toBeUndefined();
    expect(late.ids()).toEqual(reader.ids());
    expect(await new Reader(connection.subscribe()).ended).toBeUndefined();
    expect([connection.state, ...seen]).toEqual(['closed', 'open', 'closed']);
    await subscriptionsAre(0);
  });

  it('shows a new ticket at each attempt', async () => {
    gate = await startTestApp({ WSGATE_HTTP_TOKENS: TOKEN });
    const api = new Api({ url: gate.app.http, token: TOKEN });
    const statuses: Status[] = [];
    let asked = 0;
    open({
      onState: (status) => statuses.push(status),
      ticket: async () => {
        asked += 1;
        if (asked === 1) throw new Error('no ticket yet');
        if (asked === 2) return 'nonsense';
        return api.ticket();
      },
    });
    const reader = new Reader(connection.subscribe());
    await subscriptionsAre(1);
    await api.publish([incident()]);
    await reader.has(1);
    expect(statuses.map((status) => (status.state === 'waiting' ? status.reason : status.state))).toEqual([
      'no ticket yet',
      'connecting',
      'no connection',
      'connecting',
      'open',
    ]);
    expect(reader.losses()).toEqual([]);
  });

  it('that is closed before it is open, or just before it tries again, stays closed', async () => {
    gate = await startTestApp();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    open({ ticket: () => promise }).close();
    resolve(undefined);
    let asked = 0;
    const hesitant = open({
      ticket: async () => {
        asked += 1;
        if (asked === 1) throw new Error('not yet');
        return undefined;
      },
      onState: ({ state }) => void (state === 'connecting' && hesitant.close()),
    });
    await until('it is closed', () => hesitant.state === 'closed');
    const reader = new Reader(open().subscribe());
    await subscriptionsAre(1);
    expect(await figure('websocket_hub_clients{feed="events"}')).toBe(1);
    await post(1);
    await reader.has(1);
  });

  it('refuses an address that is not valid', async () => {
    gate = await startTestApp();
    open();
    expect(() => connect({ url: '/ws' })).toThrow(TypeError);
  });
});
