import { execFileSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { until } from '../../lab/fleet/processes.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { HubClient, incident, postEvents } from './client.ts';

let gate: TestApp;
let clients: HubClient[] = [];
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  clients = [];
  await gate.stop();
});

const metrics = async () => (await gate.get('/metrics')).text();

it('the hub exports its figures under these names, and promtool finds no fault', async () => {
  gate = await startTestApp();
  clients = await Promise.all([
    HubClient.subscribed(gate.app.http, { types: ['incident.*'] }),
    HubClient.subscribed(gate.app.http, { types: ['incident.*'] }),
    HubClient.connect(gate.app.http, '/ws/metrics'),
  ]);
  await postEvents(gate.app.http, incident());
  await until('it is delivered', async () => (await metrics()).includes('websocket_events_delivered_total 2'));
  const text = await metrics();
  for (const line of [
    'websocket_hub_clients{feed="events"} 2',
    'websocket_hub_clients{feed="metrics"} 1',
    'websocket_hub_clients{feed="console"} 0',
    'websocket_hub_sessions{state="active"} 2',
    'websocket_hub_subscriptions 2',
    'websocket_events_broadcast_total 2', // and gate.started
    'websocket_message_latency_seconds_count 2',
    'websocket_send_errors_total 0',
    'websocket_hub_queue_saturation_ratio{feed="events"} 0',
    'websocket_hub_broadcast_saturation_ratio 0',
    'websocket_hub_degraded 0',
  ]) {
    expect(text).toContain(`\n${line}\n`);
  }
  expect(execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })).toBe('');
});

async function figures(): Promise<Record<string, number>> {
  const lines = (await metrics()).matchAll(/^(websocket_\S+) (\S+)$/gm);
  return Object.fromEntries([...lines].map(([, name = '', value]) => [name, Number(value)]));
}

it('each figure follows what it measures', async () => {
  gate = await startTestApp();
  const isNow = (expected: Record<string, number>) =>
    expect.poll(figures, { timeout: 5000 }).toEqual(expect.objectContaining(expected));
  await isNow({ 'websocket_hub_clients{feed="events"}': 0, websocket_hub_subscriptions: 0 });
  const wants = await HubClient.subscribed(gate.app.http, { types: ['incident.*'] });
  const wantsOthers = await HubClient.subscribed(gate.app.http, { types: ['other.*'] });
  clients = [wants, wantsOthers];
  await isNow({ 'websocket_hub_clients{feed="events"}': 2, websocket_hub_subscriptions: 2 });
  const { websocket_events_broadcast_total: before = Number.NaN } = await figures();
  await postEvents(gate.app.http, [incident(), incident(), incident({ type: 'nobody.wants' })]);
  await isNow({
    websocket_events_broadcast_total: before + 3,
    websocket_events_delivered_total: 2,
    websocket_message_latency_seconds_count: 2,
  });
  const { websocket_message_latency_seconds_sum: sum } = await figures();
  expect(sum).toBeGreaterThan(0);
  expect(sum).toBeLessThan(5);
  wants.send({ type: 'unsubscribe', subscription_id: 's1' });
  await isNow({ 'websocket_hub_clients{feed="events"}': 2, websocket_hub_subscriptions: 1 });
  await wantsOthers.close();
  await isNow({ 'websocket_hub_clients{feed="events"}': 1, websocket_hub_subscriptions: 0 });
});

it('a full queue is counted, and so are messages that could not be written to a client that is suddenly gone', async () => {
  gate = await startTestApp();
  let wire: Socket | undefined;
  const client = await HubClient.connect(gate.app.http, '/ws', {
    createConnection: () => {
      wire = connect(Number(new URL(gate.app.http).port), '127.0.0.1');
      return wire;
    },
  });
  clients = [client];
  client.send({ type: 'subscribe', subscription_id: 's1' });
  await client.next('subscribed');
  const saturation = 'websocket_hub_queue_saturation_ratio{feed="events"}';
  expect(await figures()).toMatchObject({ [saturation]: 0, websocket_send_errors_total: 0 });
  client.pause();
  const bulk = () => Array.from({ length: 100 }, () => incident({ data: { note: 'x'.repeat(12_000) } }));
  await until(
    'its queue fills',
    async () => {
      await postEvents(gate.app.http, bulk());
      return Number((await figures())[saturation]) > 0;
    },
    20_000,
  );
  wire?.resetAndDestroy();
  await until('it has left', async () => (await figures())['websocket_hub_clients{feed="events"}'] === 0);
  const after = await figures();
  expect(after[saturation]).toBe(0);
  expect(after.websocket_send_errors_total).toBeGreaterThan(0);
});

it('a session without events is idle, and one that is silent for long is disconnected', async () => {
  gate = await startTestApp({
    WSGATE_HUB_PING: '50ms',
    WSGATE_HUB_SESSION_TIMEOUT: '600ms',
    WSGATE_HUB_CLEANUP: '100ms',
  });
  const lively = await HubClient.subscribed(gate.app.http, { types: ['incident.*'] });
  const dead = await HubClient.connect(gate.app.http, '/ws', { autoPong: false });
  clients = [lively, dead];
  await postEvents(gate.app.http, incident());
  await lively.next('event');
  await until('it is idle', async () => (await metrics()).includes('websocket_hub_sessions{state="idle"} 1'));
  expect(await dead.closed()).toEqual({ code: 4002, reason: 'silent' });
  expect(await metrics()).toContain('websocket_hub_closed_total{reason="silent"} 1');
  await postEvents(gate.app.http, incident());
  await lively.next('event');
  expect(await metrics()).toContain('websocket_hub_sessions{state="active"} 1');
});
