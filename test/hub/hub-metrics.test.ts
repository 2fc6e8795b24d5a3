import { execFileSync } from 'node:child_process';
import { afterEach, expect, it } from 'vitest';
import { until } from '../../scripts/fleet/processes.ts';
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

it('the hub tells its figures under these names, and promtool finds nothing to say', async () => {
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

it('a session that hears nothing is idle, and one that says nothing for long is sent away', async () => {
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
