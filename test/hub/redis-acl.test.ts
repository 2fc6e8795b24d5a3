/** The Redis user of `docs/redis.md` and `docs/hub.md` together. */

import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { until } from '../../lab/fleet/processes.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { admitted, HubClient, incident, postEvents } from './client.ts';

function rulesOf(file: string): string[] {
  const text = readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
  return (/^ACL SETUSER wsgate (.*)$/m.exec(text)?.[1] ?? '').split(' ');
}

const [ofStore, ofHub] = [rulesOf('redis.md'), rulesOf('hub.md')];
let redis: RedisServer;
let gates: TestApp[];
beforeEach(async () => {
  [redis, gates] = [await startRedis(), []];
});
afterEach(async () => {
  await Promise.all(gates.map((gate) => gate.stop()));
  await redis.stop();
});

async function start(rules: readonly string[]): Promise<TestApp> {
  await redis.client.call('ACL', 'SETUSER', 'wsgate', 'reset', ...rules);
  await redis.client.acl('LOG', 'RESET');
  const gate = await startTestApp({ REDIS_URL: redis.url.replace('://', '://wsgate:change-me@') });
  gates.push(gate);
  await until('it is ready', async () => (await gate.get('/readyz')).ok);
  return gate;
}

async function denied(): Promise<string[]> {
  const log = (await redis.client.acl('LOG')) as string[][];
  return log.map((entry) => String(entry[entry.indexOf('object') + 1]));
}

async function isDegraded(gate: TestApp): Promise<boolean> {
  return (await (await gate.get('/metrics')).text()).includes('websocket_hub_degraded 1');
}

it('may do all that the hub does', async () => {
  const [here, there] = [await start([...ofStore, ...ofHub]), await start([...ofStore, ...ofHub])];
  await until('they reach each other', async () => !(await isDegraded(here)) && !(await isDegraded(there)));
  const client = await HubClient.subscribed(there.app.http, {});
  await admitted(here, 'pod1');
  await client.eventOf('connection.admitted');
  const metrics = await HubClient.connect(there.app.http, '/ws/metrics');
  await until('figures', () => metrics.received.length > 0);
  await Promise.all([client.close(), metrics.close()]);
  expect(await denied()).toEqual([]);
});

it.each(ofHub.filter((rule) => rule.startsWith('+') || rule.startsWith('&')))('needs %s', async (rule) => {
  await start([...ofStore, ...ofHub.filter((other) => other !== rule)]);
  await until('something is denied', async () => (await denied()).length > 0);
});

it('without the rights of the hub costs a gate only the events of others', async () => {
  const gate = await start(ofStore);
  await until('it knows', () => isDegraded(gate));
  const client = await HubClient.subscribed(gate.app.http, { types: ['incident.*'] });
  await postEvents(gate.app.http, incident());
  await client.next('event');
  const metrics = await HubClient.connect(gate.app.http, '/ws/metrics');
  await until('figures', () => metrics.received.length > 0);
  await Promise.all([client.close(), metrics.close()]);
});
