/** `/ws/metrics`. The ten behaviours that issue 5 lists, and what becomes of the stream when its cache fails. */

import { afterEach, describe, expect, it } from 'vitest';
import { checkOf, newStream } from '../../lab/fleet/messages.ts';
import { until } from '../../lab/fleet/processes.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { loadConfig } from '../../src/config/load.ts';
import { domainEventTypes } from '../../src/hub/events/domain-event.ts';
import { metricsMessage, type Snapshot, snapshot } from '../../src/hub/protocol.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { admitted, HubClient, incident, postEvents } from './client.ts';

const gates: TestApp[] = [];
const clients: HubClient[] = [];
let redis: RedisServer | undefined;

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(gates.splice(0).map((gate) => gate.stop()));
  await redis?.stop();
  redis = undefined;
});

async function gate(env: Record<string, string> = {}): Promise<TestApp> {
  const started = await startTestApp(env);
  gates.push(started);
  return started;
}

async function gateOnRedis(env: Record<string, string> = {}): Promise<{ gate: TestApp; redis: RedisServer }> {
  redis ??= await startRedis();
  const started = await gate({ REDIS_URL: redis.url, ...env });
  await until('it is ready', async () => (await started.get('/readyz')).ok);
  return { gate: started, redis };
}

async function connect({ app }: TestApp): Promise<HubClient> {
  const client = await HubClient.connect(app.http, '/ws/metrics');
  clients.push(client);
  return client;
}

async function received(client: HubClient, count: number, withinMs = 3000): Promise<Snapshot[]> {
  await until(`${count} messages`, () => client.received.length >= count, withinMs);
  return client.received.map((message) => {
    const parsed = metricsMessage.parse(message);
    if (parsed.type !== 'metrics') throw new Error(parsed.type);
    const { type, ...rest } = parsed;
    return rest;
  });
}

/** From its connection to its first message. */
function lateMs({ openedAtMs, receivedAtMs: [first = Number.POSITIVE_INFINITY] }: HubClient): number {
  return first - openedAtMs;
}

async function inCache({ client }: RedisServer): Promise<Snapshot> {
  return snapshot.parse(JSON.parse((await client.get('ws:metrics:latest')) ?? ''));
}

describe('/ws/metrics', () => {
  it('is there', async () => {
    const client = await connect(await gate());
    expect(client.socket.readyState).toBe(client.socket.OPEN);
  });

  it('tells the first snapshot at once: within 10 ms from the cache', { retry: 2 }, async () => {
    const { gate } = await gateOnRedis();
    await received(await connect(gate), 1);
    const tookMs: number[] = [];
    for (let i = 0; i < 10; i += 1) {
      const client = await connect(gate);
      await received(client, 1);
      tookMs.push(lateMs(client));
    }
    // The median: this machine has other things to do, too.
    expect(tookMs.sort((a, b) => a - b)[5]).toBeLessThan(10);
  });

  it('tells a snapshot at each interval, by default every five seconds', async () => {
    const byDefault = loadConfig({ env: {} });
    expect(byDefault.ok && byDefault.config.hub.metrics.every).toBe(5000);
    const client = await connect(await gate({ WSGATE_HUB_METRICS_EVERY: '500ms' }));
    await received(client, 3);
    const [first = 0, second = 0, third = 0] = client.receivedAtMs;
    for (const tookMs of [second - first, third - second]) {
      expect(tookMs).toBeGreaterThan(400);
      expect(tookMs).toBeLessThan(900);
    }
  });

  it('serves a hundred clients at once, each within 100 ms', { retry: 2 }, async () => {
    const { gate } = await gateOnRedis();
    await received(await connect(gate), 1);
    const hundred = await Promise.all(Array.from({ length: 100 }, () => connect(gate)));
    await Promise.all(hundred.map((client) => received(client, 1)));
    expect(Math.max(...hundred.map(lateMs))).toBeLessThan(100);
  });

  it('survives clients that leave', async () => {
    const served = await gate({ WSGATE_HUB_METRICS_EVERY: '20ms' });
    const [leaver, stayer] = [await connect(served), await connect(served)];
    leaver.socket.close(1000);
    expect(await leaver.closed()).toMatchObject({ code: 1000 });
    const before = stayer.received.length;
    await received(stayer, before + 5);
    expect(await (await served.get('/metrics')).text()).toContain('websocket_hub_closed_total{reason="left"} 1');
  });

  it('tells what the cache holds', async () => {
    const { gate, redis } = await gateOnRedis({ WSGATE_HUB_METRICS_EVERY: '50ms' });
    const [real] = await received(await connect(gate), 1);
    const client = await connect(gate);
    await until('the one of the cache', async () => {
      await redis.client.set('ws:metrics:latest', JSON.stringify({ ...real, gates: 77 }), 'PX', 30_000);
      return (await received(client, 1)).some(({ gates }) => gates === 77);
    });
  });

  it('is not disturbed by bad requests', async () => {
    const served = await gate({ WSGATE_HUB_METRICS_EVERY: '20ms' });
    const client = await connect(served);
    client.send('{"type":');
    client.send({ type: 'subscribe', subscription_id: 'a' });
    client.socket.send(Buffer.from([0, 255]));
    await received(client, client.received.length + 5);
    client.send('x'.repeat(2000));
    expect(await client.closed()).toMatchObject({ code: 1009 });
    expect((await served.get('/ws/metrics')).status).toBe(426);
    await received(await connect(served), 1);
  });

  it('counts its clients', async () => {
    const served = await gate();
    const count = async () =>
      /websocket_hub_clients\{feed="metrics"\} (\d+)/.exec(await (await served.get('/metrics')).text())?.[1];
    expect(await count()).toBe('0');
    const three = await Promise.all([connect(served), connect(served), connect(served)]);
    expect(await count()).toBe('3');
    await three[0]?.close();
    await expect.poll(count).toBe('2');
    expect(await (await served.get('/metrics')).text()).toContain('websocket_hub_opened_total 3');
  });

  it('counts only events of gates: posted events of the same types change no rate', async () => {
    const served = await gate({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '1', WSGATE_HUB_METRICS_EVERY: '50ms' });
    const told = await HubClient.subscribed(served.app.http);
    clients.push(told);
    const forged = domainEventTypes.map((type) =>
      incident({ type, subject: 'pod/pod1', data: { count: 1_000_000, state: 'saturated', labels: { pod: 'pod1' } } }),
    );
    expect(await postEvents(served.app.http, forged)).toMatchObject({ status: 202 });
    for (let i = 0; i < 2; i += 1) await served.check(checkOf(newStream(), 'pod2'));
    await until(
      'all have been told',
      () => told.events().filter(({ source }) => source === 'pager/eu').length === forged.length,
    );
    const client = await connect(served);
    await until('what has happened', async () => ((await received(client, 1)).at(-1)?.rates.denied ?? 0) > 0);
    expect((await received(client, 1)).at(-1)).toMatchObject({
      rates: { admitted: 0.2, denied: 0.2, released: 0 },
      totals: { connections: 1, pods: 1 },
      pods: [{ pod: 'pod2', connections: 1, level: 'saturated' }],
    });
  });

  it('tells valid JSON: pods, proxies, totals and rates', async () => {
    const served = await gate({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '4', WSGATE_HUB_METRICS_EVERY: '50ms' });
    for (let i = 0; i < 6; i += 1) await served.check(checkOf(newStream(), 'pod1'), 'proxy_a');
    await served.check(checkOf(newStream(), 'pod2'), 'proxy_b');
    const client = await connect(served);
    await until('what has happened', async () => (await received(client, 1)).at(-1)?.rates.denied === 0.4);
    expect((await received(client, 1)).at(-1)).toEqual({
      timestamp: expect.any(String),
      store: 'up',
      stale: false,
      gates: 1,
      silent_gates: [],
      unlogged_proxies: [],
      unrenewed_proxies: [],
      totals: { connections: 5, pods: 2, proxies: 2, filling: 0, saturated: 1 },
      rates: { admitted: 1, denied: 0.4, released: 0 },
      pods: [
        { pod: 'pod1', connections: 4, limit: 4, level: 'saturated', proxies: { proxy_a: 4 } },
        { pod: 'pod2', connections: 1, limit: 4, level: 'normal', proxies: { proxy_b: 1 } },
      ],
      proxies: [
        { proxy: 'proxy_a', connections: 4 },
        { proxy: 'proxy_b', connections: 1 },
      ],
    });
  });

  it('tells the time as ISO 8601', async () => {
    const [first] = await received(await connect(await gate()), 1);
    expect(first?.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Math.abs(Date.parse(first?.timestamp ?? '') - Date.now())).toBeLessThan(5000);
  });
});

describe('the cache', () => {
  it('is filled anew when the fleet changes, by one gate, at most once a second', async () => {
    const { gate: first, redis } = await gateOnRedis();
    const { gate: second } = await gateOnRedis();
    const stamps = new Set<string>();
    const beganAtMs = performance.now();
    for (let i = 0; i < 40; i += 1) {
      await admitted(i % 2 ? first : second, 'pod1');
      await until('a twentieth of a second', () => performance.now() - beganAtMs > i * 50);
      if ((await redis.client.exists('ws:metrics:latest')) === 1) stamps.add((await inCache(redis)).timestamp);
    }
    expect(await redis.client.pttl('ws:metrics:latest')).toBeGreaterThan(25_000);
    await until('the last one counts', async () => (await inCache(redis)).totals.connections === 40);
    expect(stamps.size).toBeGreaterThan(0);
    expect(stamps.size).toBeLessThanOrEqual(Math.ceil((performance.now() - beganAtMs) / 1000));
  });

  it('that lost its values is filled from the leases', async () => {
    const { gate, redis } = await gateOnRedis({ WSGATE_HUB_METRICS_EVERY: '50ms', WSGATE_HUB_METRICS_TTL: '200ms' });
    await admitted(gate, 'pod1');
    await until('it has forgotten', async () => (await redis.client.exists('ws:metrics:latest')) === 0, 15_000);
    const client = await connect(gate);
    await until('it tells', async () => (await received(client, 1)).at(-1)?.totals.connections === 1);
    expect((await inCache(redis)).totals.connections).toBe(1);
  });

  it.each([
    ['text that is no JSON', (client: RedisServer['client']) => client.set('ws:metrics:latest', '{"pods":')],
    ['another thing', (client: RedisServer['client']) => client.set('ws:metrics:latest', '{"type":"metrics"}')],
    [
      'a list',
      (client: RedisServer['client']) => client.multi().del('ws:metrics:latest').lpush('ws:metrics:latest', 'x').exec(),
    ],
  ])('that holds %s breaks no stream', async (_what, spoil) => {
    const { gate, redis } = await gateOnRedis({ WSGATE_HUB_METRICS_EVERY: '50ms' });
    await admitted(gate, 'pod1');
    await spoil(redis.client);
    const client = await connect(gate);
    await until('it tells', async () => (await received(client, 1)).at(-1)?.totals.connections === 1);
  });

  it('and leases that cannot be read leave the last snapshot, marked as stale, until they can', async () => {
    const { gate, redis: server } = await gateOnRedis({ WSGATE_HUB_METRICS_EVERY: '50ms' });
    await admitted(gate, 'pod1');
    const client = await connect(gate);
    const newest = async () => (await received(client, 1)).at(-1);
    await until('it tells', async () => (await newest())?.totals.connections === 1);
    server.signal('SIGSTOP');
    await until('it is stale', async () => (await newest())?.stale === true);
    expect(await newest()).toMatchObject({ store: 'down', totals: { connections: 1 }, pods: [{ pod: 'pod1' }] });
    server.signal('SIGCONT');
    await until('it is fresh again', async () => (await newest())?.stale === false);
    expect(await newest()).toMatchObject({ store: 'up', totals: { connections: 1 } });
  });
});
