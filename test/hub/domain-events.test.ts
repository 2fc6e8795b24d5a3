/** What a gate tells by itself, beside connections that come and go in order. */

import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { checkOf, entryOf, message, newStream, type Stream } from '../../lab/fleet/messages.ts';
import { until } from '../../lab/fleet/processes.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { HubClient } from './client.ts';

let gate: TestApp;
let client: HubClient | undefined;
let redis: RedisServer | undefined;
beforeEach(() => {
  client = redis = undefined;
});
afterEach(async () => {
  await client?.close();
  await gate.stop();
  await redis?.stop();
});

async function watch(): Promise<HubClient> {
  client = await HubClient.subscribed(gate.app.http, {});
  return client;
}

it('a proxy whose log streams come and go causes events', async () => {
  gate = await startTestApp();
  const client = await watch();
  const [first, second] = [gate.logStream('proxy_a'), gate.logStream('proxy_a')];
  first.write(message(entryOf(newStream(), 'pod1', 'DownstreamPeriodic')));
  second.write(message(entryOf(newStream(), 'pod1', 'DownstreamPeriodic')));
  expect(await client.eventOf('proxy.heard')).toMatchObject({
    subject: 'proxy/proxy_a',
    data: { labels: { proxy: 'proxy_a' } },
  });
  first.end();
  await first.ended;
  second.end();
  expect(await client.eventOf('proxy.silent')).toMatchObject({ subject: 'proxy/proxy_a', severity: 'warning' });
  expect(client.events().filter(({ type }) => type.startsWith('proxy.'))).toHaveLength(2);
});

it('connections that were found open cause events', async () => {
  gate = await startTestApp();
  const client = await watch();
  gate.logStream().write(message(entryOf(newStream(), 'pod1', 'DownstreamPeriodic')));
  expect(await client.eventOf('connection.adopted')).toMatchObject({ subject: 'pod/pod1', data: { count: 1 } });
});

it('connections whose end was never told cause events', async () => {
  gate = await startTestApp({ WSGATE_LEASE_TTL: '2s' }); // long enough for keepalives on a busy machine
  const client = await watch();
  const log = gate.logStream('proxy_a');
  const [lives, vanishes] = [newStream(), newStream()];
  const say = (stream: Stream) => log.write(message(entryOf(stream, 'pod1', 'DownstreamPeriodic')));
  say(vanishes);
  const telling = setInterval(say, 500, lives);
  onTestFinished(() => clearInterval(telling));
  expect(await client.eventOf('connection.expired', 15_000)).toMatchObject({
    severity: 'warning',
    data: { count: 1, labels: { pod: 'pod1', cause: 'expired' } },
  });
});

it('a pod that fills up and empties causes events', async () => {
  gate = await startTestApp({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '4', WSGATE_HUB_FILLING_PERCENT: '50' });
  const client = await watch();
  const streams = [newStream(), newStream(), newStream(), newStream()];
  for (const stream of streams.slice(0, 2)) await gate.check(checkOf(stream, 'pod1'));
  expect(await client.eventOf('pod.filling')).toMatchObject({ data: { state: 'filling', connections: 2, limit: 4 } });
  for (const stream of streams.slice(2)) await gate.check(checkOf(stream, 'pod1'));
  expect(await client.eventOf('pod.saturated')).toMatchObject({ data: { state: 'saturated', connections: 4 } });
  const log = gate.logStream();
  for (const stream of streams) log.write(message(entryOf(stream, 'pod1', 'DownstreamEnd')));
  expect(await client.eventOf('pod.recovered')).toMatchObject({ data: { state: 'normal', connections: 0 } });
});

it('a pod whose limit changed since the last look causes an event', async () => {
  redis = await startRedis();
  const { url } = redis;
  const start = (limit: string) =>
    startTestApp({ REDIS_URL: url, WSGATE_LIMITS_PODS: `{pod1: {connections: ${limit}}}` });
  gate = await start('5');
  const client = await watch();
  await until('it has looked', async () => (await redis?.client.exists('ws:metrics:levels')) === 1);
  const other = await start('8');
  const event = await client.eventOf('limit.changed').finally(() => other.stop());
  expect(event).toMatchObject({ subject: 'pod/pod1', data: { limit: 8, limit_before: 5, labels: { pod: 'pod1' } } });
});
