/** Three gates on one Redis, with clients on each. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkOf, newStream } from '../../lab/fleet/messages.ts';
import { until } from '../../lab/fleet/processes.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { admitted, HubClient, incident, postEvents } from './client.ts';

const CLIENTS_PER_GATE = 10;
const TOKEN = 'correct-horse-battery';

let redis: RedisServer;
let gates: TestApp[];
let clients: HubClient[];

async function start(env: Record<string, string> = {}): Promise<TestApp> {
  const gate = await startTestApp({ REDIS_URL: redis.url, ...env });
  gates.push(gate);
  return gate;
}

async function ready(): Promise<void> {
  const well = async ({ get }: TestApp) => {
    const degraded = (await (await get('/metrics')).text()).includes('websocket_hub_degraded 1');
    return !degraded && (await get('/readyz')).ok;
  };
  await until('all gates reach each other', async () => (await Promise.all(gates.map(well))).every(Boolean));
}

async function subscribed(gate: TestApp, filters: object): Promise<HubClient> {
  const client = await HubClient.subscribed(gate.app.http, filters);
  clients.push(client);
  return client;
}

function gateAt(index: number): TestApp {
  const gate = gates[index];
  if (!gate) throw new Error(`no gate ${index}`);
  return gate;
}

beforeEach(async () => {
  [redis, gates, clients] = [await startRedis(), [], []];
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all(gates.map((gate) => gate.stop()));
  await redis.stop();
});

const incidents = { types: ['incident.*'] };
const idsOf = (client: HubClient) => client.events().map(({ id }) => id);

describe('an event that is published at one gate', () => {
  it('reaches every client that wants it, at every gate, once, and no other', async () => {
    await Promise.all([start(), start(), start()]);
    await ready();
    const wanting = await Promise.all(
      gates.flatMap((gate) => Array.from({ length: CLIENTS_PER_GATE }, () => subscribed(gate, incidents))),
    );
    const others = await Promise.all(gates.map((gate) => subscribed(gate, { types: ['incident.closed'] })));
    const posted: string[] = [];
    for (let i = 0; i < 30; i += 1) {
      const event = incident();
      await postEvents(gateAt(i % 3).app.http, event);
      posted.push(String(event.id));
    }
    await until('all have all', () => wanting.every((client) => client.events().length === posted.length));
    for (const client of wanting) expect(new Set(idsOf(client))).toEqual(new Set(posted));
    for (const client of others) expect(client.events()).toEqual([]);
  });

  it('does so at once, not only when gates next read the stream', async () => {
    await Promise.all([start(), start()]);
    await ready();
    const client = await subscribed(gateAt(1), incidents);
    const beganAtMs = performance.now();
    for (let i = 1; i <= 8; i += 1) {
      await postEvents(gateAt(0).app.http, incident());
      await until('it is there', () => client.events().length === i);
    }
    expect(performance.now() - beganAtMs).toBeLessThan(3000);
  });
});

describe('what happens to pods', () => {
  it('is told once, whichever gates are involved', async () => {
    const limit = { WSGATE_LIMITS_DEFAULT_CONNECTIONS: '10' };
    await Promise.all([start(limit), start(limit), start(limit)]);
    await ready();
    const client = await subscribed(gateAt(2), { types: ['pod.*'] });
    for (let i = 0; i < 10; i += 1) await admitted(gateAt(i % 3), 'pod1');
    for (let i = 0; i < 4; i += 1) await gateAt(i % 3).check(checkOf(newStream(), 'pod1'));
    const event = await client.eventOf('pod.saturated');
    expect(event).toMatchObject({
      subject: 'pod/pod1',
      severity: 'critical',
      data: { state: 'saturated', connections: 10, limit: 10, labels: { pod: 'pod1' } },
    });
    const { connections } = await gateAt(0).api.connections('pod1', 100);
    for (const { lease } of connections) await gateAt(1).api.release('pod1', lease);
    expect(await client.eventOf('pod.recovered')).toMatchObject({ data: { state: 'normal', labels: { pod: 'pod1' } } });
    const types = client.events().map(({ type }) => type);
    expect(types.filter((type) => type === 'pod.saturated')).toHaveLength(1);
    expect(types.filter((type) => type === 'pod.recovered')).toHaveLength(1);
  });
});

describe('a client that comes back', () => {
  it('gets what it missed, at another gate, and then what is new', async () => {
    await Promise.all([start(), start()]);
    await ready();
    const before = await subscribed(gateAt(0), incidents);
    const seen = incident();
    await postEvents(gateAt(0).app.http, seen);
    await before.next('event');
    await before.close();
    const missed = Array.from({ length: 1500 }, () => incident());
    for (let sent = 0; sent < missed.length; sent += 100) {
      await postEvents(gateAt(1).app.http, missed.slice(sent, sent + 100));
    }
    await postEvents(gateAt(1).app.http, incident({ type: 'other.thing' }));
    const third = await start(); // began when all was over: it has it from Redis
    await ready();
    const client = await HubClient.connect(third.app.http, '/ws');
    clients.push(client);
    const subscriptions = [{ subscription_id: 'again', filters: incidents }];
    client.send({ type: 'resume', last_event_id: seen.id, subscriptions });
    expect(await client.next('subscribed')).toMatchObject({ subscription_id: 'again' });
    expect(await client.next('resumed')).toMatchObject({ events: missed.length });
    expect(idsOf(client)).toEqual(missed.map(({ id }) => id));
    const fresh = incident();
    await postEvents(gateAt(1).app.http, fresh);
    expect((await client.next('event')).event.id).toBe(fresh.id);
  });

  it('to a gate that has just started goes on after the last event, even if that gate told it', async () => {
    await start();
    await ready();
    for (let i = 0; i < 3; i += 1)
      await postEvents(
        gateAt(0).app.http,
        Array.from({ length: 100 }, () => incident()),
      );
    const before = await subscribed(gateAt(0), { types: ['gate.started', 'other.*'] });
    const second = await start();
    const { event } = await before.next('event');
    expect(event.type).toBe('gate.started');
    const client = await HubClient.connect(second.app.http, '/ws');
    clients.push(client);
    const missed = incident({ type: 'other.thing' });
    await postEvents(gateAt(0).app.http, missed);
    await before.next('event');
    client.send({ type: 'resume', last_event_id: event.id, subscriptions: [{ subscription_id: 'again' }] });
    await until('it has what it missed', () => idsOf(client).includes(String(missed.id)));
    expect(client.events().filter(({ type }) => type.startsWith('incident.'))).toEqual([]);
  });

  it('is told to read the state anew when the missed events are gone', async () => {
    await start({ WSGATE_HUB_HISTORY_MAX: '100' });
    await ready();
    const first = incident();
    await postEvents(gateAt(0).app.http, first);
    for (let i = 0; i < 2; i += 1) {
      await postEvents(
        gateAt(0).app.http,
        Array.from({ length: 99 }, () => incident()),
      );
    }
    const client = await HubClient.connect(gateAt(0).app.http, '/ws');
    clients.push(client);
    const subscriptions = [{ subscription_id: 'again', filters: incidents }];
    await expect
      .poll(async () => {
        client.send({ type: 'resume', last_event_id: first.id, subscriptions });
        return client.received.some((message) => (message as { type: string }).type === 'resync');
      })
      .toBe(true);
    const fresh = incident();
    await postEvents(gateAt(0).app.http, fresh);
    await until('new ones come all the same', () => idsOf(client).includes(String(fresh.id)));
  });
});

describe('when Redis dies and comes back', () => {
  it('clients stay, are told, get the events of their own gate, and miss nothing', async () => {
    await Promise.all([start(), start(), start()]);
    await ready();
    const all = await Promise.all(gates.map((gate) => subscribed(gate, {})));
    await redis.stop();
    for (const client of all) expect(await client.next('degraded')).toMatchObject({ degraded: true });
    const posted = gates.map(() => incident());
    await Promise.all(gates.map((gate, i) => postEvents(gate.app.http, posted[i])));
    for (const [i, client] of all.entries()) {
      await until('the own one', () => idsOf(client).includes(String(posted[i]?.id)));
      await client.eventOf('store.down');
    }
    expect(idsOf(all[0] as HubClient)).not.toContain(posted[1]?.id);
    const late = await HubClient.connect(gateAt(0).app.http, '/ws');
    clients.push(late);
    expect(await late.next('welcome')).toMatchObject({ degraded: true });
    redis = await startRedis({ port: redis.port });
    for (const client of all) expect(await client.next('degraded', 10_000)).toMatchObject({ degraded: false });
    for (const client of all) {
      await until('those of the others', () => posted.every(({ id }) => idsOf(client).includes(String(id))));
      await client.eventOf('store.up');
      expect(new Set(idsOf(client)).size).toBe(idsOf(client).length);
      expect(client.socket.readyState).toBe(client.socket.OPEN);
    }
  });
});

describe('a ticket', () => {
  it('of one gate is good at another, and once in the whole fleet', async () => {
    await Promise.all([start({ WSGATE_HTTP_TOKENS: TOKEN }), start({ WSGATE_HTTP_TOKENS: TOKEN })]);
    await ready();
    const response = await gateAt(0).post('/v1/tickets', { authorization: `Bearer ${TOKEN}` });
    const { ticket } = (await response.json()) as { ticket: string };
    clients.push(await HubClient.connect(gateAt(1).app.http, `/ws?ticket=${ticket}`));
    await expect(HubClient.connect(gateAt(0).app.http, `/ws?ticket=${ticket}`)).rejects.toThrow('401');
  });
});

describe('a gate that stops', () => {
  it('sends its clients to the others, not all at the same time', async () => {
    await Promise.all([start(), start()]);
    await ready();
    const here = await Promise.all(Array.from({ length: 5 }, () => subscribed(gateAt(0), {})));
    const there = await subscribed(gateAt(1), { types: ['gate.*'] });
    await gateAt(0).stop();
    const waits = await Promise.all(here.map(async (client) => (await client.next('closing')).retry_after_ms));
    expect(new Set(waits).size).toBeGreaterThan(1);
    for (const client of here) {
      expect(await client.closed()).toEqual({ code: 1012, reason: 'the gate stops' });
      expect(client.events().map(({ type }) => type)).toContain('gate.stopping');
    }
    expect(await there.eventOf('gate.stopping')).toMatchObject({ source: expect.stringMatching(/^wsgate\//) });
  });
});

describe('a gate that starts', () => {
  it.each([
    ['is away', 'SIGKILL'],
    ['hangs', 'SIGSTOP'],
  ] as const)('lets clients in although its Redis %s, and says so', async (_what, signal) => {
    redis.signal(signal);
    try {
      const client = await HubClient.connect((await start()).app.http, '/ws');
      clients.push(client);
      expect(await client.next('welcome')).toMatchObject({ degraded: true });
      client.send({ type: 'subscribe', subscription_id: 's1' });
      await client.next('subscribed');
    } finally {
      redis.signal('SIGCONT');
    }
  });
});
