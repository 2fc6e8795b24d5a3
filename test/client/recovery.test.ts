/** The client on gates that stop, die, hang and come back. */

import { afterEach, describe, expect, it } from 'vitest';
import { type Gate, type GateOptions, startGate } from '../../lab/fleet/gate.ts';
import { readMetrics } from '../../lab/fleet/metrics.ts';
import { freePort, until } from '../../lab/fleet/processes.ts';
import { Wire } from '../../lab/fleet/wire.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { type Connection, type ConnectOptions, connect, type Status } from '../../src/client/index.ts';
import { incident, postEvents } from '../hub/client.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Reader } from './reader.ts';

let redis: RedisServer | undefined;
const gates: Gate[] = [];
const connections: Connection[] = [];
afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close();
  await Promise.all(gates.splice(0).map(kill));
  await redis?.stop();
  redis = undefined;
});

async function start(options: Partial<GateOptions> = {}): Promise<Gate> {
  const store = redis ? { store: { url: redis.url } } : {};
  const gate = await startGate({ ...options, config: { ...store, ...options.config } });
  gates.push(gate);
  await until('the hub is whole', async () => (await gate.metrics('/metrics')).websocket_hub_degraded === 0);
  return gate;
}

async function kill(gate: Gate): Promise<void> {
  gate.kill('SIGKILL');
  await gate.ended;
}

function open(httpPort: number, options: Partial<ConnectOptions> = {}): Connection {
  const url = `http://127.0.0.1:${httpPort}/ws`;
  const connection = connect({ url, backoff: { firstMs: 20, maxMs: 100 }, ...options });
  connections.push(connection);
  return connection;
}

type Served = Pick<Gate, 'httpPort' | 'metrics'>;

const subscriptionsAre = (gate: Served, count: number) =>
  until(`${count} subscriptions`, async () => {
    return (await gate.metrics('/metrics')).websocket_hub_subscriptions === count;
  });

async function post({ httpPort }: Pick<Served, 'httpPort'>, count: number, overrides: object = {}): Promise<string[]> {
  const events = Array.from({ length: count }, () => incident(overrides));
  await postEvents(`http://127.0.0.1:${httpPort}`, events);
  return events.map(({ id }) => String(id));
}

const stateOf = (connection: Connection, state: Status['state']) =>
  until(`it is ${state}`, () => connection.state === state, 10_000);

const incidents = { types: ['incident.*'] };

describe('on a shared Redis', { timeout: 60_000 }, () => {
  it('gets all that it missed, in order and once, when its killed gate is back', async () => {
    redis = await startRedis();
    const [gate, other] = await Promise.all([start(), start()]);
    const connection = open(gate.httpPort);
    const all = new Reader(connection.subscribe(incidents));
    const open1 = new Reader(connection.subscribe({ ...incidents, states: ['open'] }));
    await subscriptionsAre(gate, 2);
    const before = await post(other, 3);
    await Promise.all([all.has(3), open1.has(3)]);
    await kill(gate);
    const missed = [...(await post(other, 100)), ...(await post(other, 50, { data: { state: 'closed' } }))];
    const again = await start({ httpPort: gate.httpPort });
    await all.has(153);
    const [last] = await post(again, 1);
    await Promise.all([all.has(154), open1.has(104)]);
    expect(all.ids()).toEqual([...before, ...missed, last]);
    expect(open1.ids()).toEqual([...before, ...missed.slice(0, 100), last]);
    expect([all.losses(), open1.losses()]).toEqual([[], []]);
  });

  it('says while only events of its own gate come, and to read the state anew if the connection is lost meanwhile', async () => {
    redis = await startRedis();
    const gate = await start();
    const told: boolean[] = [];
    const connection = open(gate.httpPort, { pingMs: 500, onDegraded: (degraded) => told.push(degraded) });
    const reader = new Reader(connection.subscribe(incidents));
    await subscriptionsAre(gate, 1);
    const { port } = redis;
    await redis.stop();
    await until('it is told', () => told.length === 1);
    await post(gate, 1);
    await reader.has(1);
    expect(reader.losses()).toEqual([]);
    gate.kill('SIGSTOP');
    await until('the connection is lost', () => connection.state !== 'open');
    gate.kill('SIGCONT');
    // Between gates that do not hear each other, nobody knows what came before what.
    const reason = 'the connection was lost while gates could not reach each other';
    await until('it is told', () => reader.losses().length > 0);
    expect(reader.losses()[0]).toEqual({ kind: 'resync', reason });
    redis = await startRedis({ port });
    await until('it is told', () => told.length === 2, 10_000);
    expect(told).toEqual([true, false]);
  });
});

describe('on an embedded store', () => {
  let wire: Wire;
  const apps: TestApp[] = [];
  afterEach(async () => {
    for (const connection of connections.splice(0)) connection.close();
    wire.stop();
    await Promise.all(apps.splice(0).map((app) => app.stop()));
  });

  /** Puts a gate behind the wire, in the place of the one that was there. */
  async function serve(env: Record<string, string> = {}): Promise<Served> {
    const started = await startTestApp(env);
    apps.push(started);
    const { http } = started.app;
    const httpPort = Number(new URL(http).port);
    if (apps.length === 1) wire = await Wire.to(httpPort);
    else wire.to = httpPort;
    return { httpPort, metrics: (path) => readMetrics(http + path) };
  }

  function gateIsKilled(): void {
    wire.to = undefined;
    wire.breakAll();
  }

  it.each([
    ['after it had seen events', 2],
    ['before it had seen one', 0],
  ])('is told to read anew when its gate was killed %s, and gets what is new', async (_when, seen) => {
    const gate = await serve();
    const connection = open(wire.port);
    const reader = new Reader(connection.subscribe(incidents));
    await subscriptionsAre(gate, 1);
    if (seen > 0) await post(gate, seen);
    await reader.has(seen);
    gateIsKilled();
    await until('the connection is lost', () => connection.state !== 'open');
    const fresh = new Reader(connection.subscribe(incidents));
    const again = await serve();
    await subscriptionsAre(again, 2);
    const [id] = await post(again, 1);
    await Promise.all([reader.has(seen + 1), fresh.has(1)]);
    expect(reader.items.slice(seen)).toMatchObject([{ kind: 'resync' }, { kind: 'event', event: { id } }]);
    expect(fresh.ids()).toEqual([id]);
  });

  it('goes on where it was when its gate hung for a while', async () => {
    const gate = await serve();
    const reasons: string[] = [];
    const connection = open(wire.port, {
      pingMs: 200,
      attemptMs: 300,
      onState: (status) => void (status.state === 'waiting' && reasons.push(status.reason)),
    });
    const reader = new Reader(connection.subscribe(incidents));
    await subscriptionsAre(gate, 1);
    const ids = await post(gate, 1);
    await reader.has(1);
    wire.cut();
    await until('an attempt fails', () => reasons.includes('no connection within 300 ms'));
    ids.push(...(await post(gate, 3)));
    wire.heal();
    await reader.has(4);
    expect(reader.ids()).toEqual(ids);
    expect(reader.losses()).toEqual([]);
    expect(reasons).toContain('not a word for 200 ms');
  });

  it('loses only the subscription that the next gate refuses', async () => {
    const gate = await serve();
    const connection = open(wire.port);
    const readers = [incidents, { types: ['pod.*'] }].map((filters) => new Reader(connection.subscribe(filters)));
    await subscriptionsAre(gate, 2);
    await post(gate, 1);
    await readers[0]?.has(1);
    gateIsKilled();
    const stricter = await serve({ WSGATE_HUB_SUBSCRIPTIONS_MAX: '1' });
    expect(await readers[1]?.ended).toMatchObject({ code: 'TOO_MANY_SUBSCRIPTIONS' });
    await until('the other is made again', () => readers[0]?.losses().length === 1);
    await post(stricter, 1);
    await readers[0]?.has(2);
    expect(readers[0]?.losses()).toMatchObject([{ kind: 'resync' }]);
  });
});

it('comes back after the time that the stopping gate asked for', async () => {
  const httpPort = await freePort();
  const env = { WSGATE_LISTEN_HTTP: `127.0.0.1:${httpPort}` };
  let gate = await startTestApp(env);
  const beganAtMs: number[] = [];
  const waits: { reason: string; retryMs: number; tookMs: number }[] = [];
  for (let i = 0; i < 4; i += 1) {
    const onState = (status: Status) => {
      if (status.state === 'waiting') {
        beganAtMs[i] ??= performance.now();
        waits[i] ??= { reason: status.reason, retryMs: status.retryMs, tookMs: 0 };
      } else if (waits[i]?.tookMs === 0 && status.state === 'connecting') {
        waits[i] = { ...(waits[i] as (typeof waits)[number]), tookMs: performance.now() - (beganAtMs[i] ?? 0) };
      }
    };
    // By itself it would come back at once.
    open(httpPort, { onState, backoff: { maxMs: 0 } });
  }
  await Promise.all(connections.map((connection) => stateOf(connection, 'open')));
  await gate.stop();
  gate = await startTestApp(env);
  await Promise.all(connections.map((connection) => stateOf(connection, 'open')));
  await gate.stop();
  for (const { reason, retryMs, tookMs } of waits) {
    expect(reason).toBe('the gate stops');
    // Node counts a timer from when its turn of the event loop began, which is some time before `waiting` is told.
    expect(tookMs).toBeGreaterThanOrEqual(retryMs - 50);
  }
  expect(Math.max(...waits.map(({ retryMs }) => retryMs))).toBeGreaterThan(100);
});
