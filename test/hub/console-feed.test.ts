/** `/api/monitoring/ws`: the console's feed, by the numbers that issue 5 gives it. */

import { afterEach, describe, expect, it } from 'vitest';
import { checkOf, newStream } from '../../lab/fleet/messages.ts';
import { until } from '../../lab/fleet/processes.ts';
import { type ConsoleMessage, consoleMessage } from '../../src/hub/protocol.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { admitted, HubClient, incident, postEvents } from './client.ts';

let gate: TestApp;
const clients: HubClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await gate.stop();
});

async function connect(): Promise<HubClient> {
  const client = await HubClient.connect(gate.app.http, '/api/monitoring/ws');
  clients.push(client);
  return client;
}

function told<Type extends ConsoleMessage['type']>(client: HubClient, type: Type) {
  return client.received
    .map((message) => consoleMessage.parse(message))
    .filter((message): message is Extract<ConsoleMessage, { type: Type }> => message.type === type);
}

/** When each of the messages of that type came. */
function timesOf(client: HubClient, type: string): number[] {
  return client.receivedAtMs.filter((_at, i) => (client.received[i] as { type: string }).type === type);
}

describe('the console', () => {
  it('is told the figures at once, and then every two seconds', async () => {
    gate = await startTestApp();
    await until('the gate has come to rest', async () => (await gate.get('/readyz')).ok);
    const client = await connect();
    await until('four of them', () => told(client, 'metrics').length >= 4, 9000);
    const times = timesOf(client, 'metrics');
    expect((times[0] ?? 0) - client.openedAtMs).toBeLessThan(500);
    expect((times[3] ?? 0) - (times[2] ?? 0)).toBeGreaterThan(1500);
    expect((times[3] ?? 0) - (times[2] ?? 0)).toBeLessThan(2600);
  });

  it('is told the figures within a second of a change', async () => {
    gate = await startTestApp({ WSGATE_HUB_CONSOLE_EVERY: '1h' });
    const client = await connect();
    const connections = () => told(client, 'metrics').at(-1)?.totals.connections;
    await admitted(gate, 'pod1');
    await until('the pod is known', () => connections() === 1);
    for (const count of [2, 3]) {
      await admitted(gate, 'pod1');
      await until('the change', () => connections() === count, 1500); // and a half, for a busy machine
    }
  });

  it('is told every event, without a subscription', async () => {
    gate = await startTestApp();
    const client = await connect();
    const event = incident();
    await postEvents(gate.app.http, event);
    await gate.check(checkOf(newStream(), 'pod1'));
    await until('both', () => told(client, 'event').length >= 2);
    const events = told(client, 'event').map(({ event }) => event);
    expect(events).toContainEqual(event);
    expect(events.map(({ type }) => type)).toContain('connection.admitted');
  });

  it('that sends an unknown message is ignored, and the log says so', async () => {
    gate = await startTestApp();
    const client = await connect();
    client.send('{"type":');
    client.socket.send(Buffer.from([0, 255]));
    client.send('null');
    client.send({ type: 'dance' });
    client.send({ type: 'ping' });
    await until('the answer to what is understood', () => told(client, 'pong').length === 1);
    const ignored = gate.logLines.map(({ msg }) => String(msg)).filter((line) => line.startsWith('ignored a message'));
    expect(ignored).toEqual([
      'ignored a message that is no JSON text',
      'ignored a message that is no JSON text',
      'ignored a message of an unknown type',
      'ignored a message of an unknown type',
    ]);
    expect(client.socket.readyState).toBe(client.socket.OPEN);
  });

  it('may send messages of up to 512 KiB', async () => {
    gate = await startTestApp();
    const [modest, loud] = [await connect(), await connect()];
    const padded = (size: number) => `{"type":"ping","padding":"${'x'.repeat(size)}"}`;
    modest.send(padded(512 * 1024 - 100));
    loud.send(padded(512 * 1024));
    expect(await loud.closed()).toMatchObject({ code: 1009 });
    await until('the other is heard', () => told(modest, 'pong').length === 1);
  });

  it('that does not answer a ping in time is disconnected, and one that answers stays', async () => {
    gate = await startTestApp({ WSGATE_HUB_CONSOLE_PING: '100ms', WSGATE_HUB_CONSOLE_PONG: '400ms' });
    const lively = await connect();
    const dead = await HubClient.connect(gate.app.http, '/api/monitoring/ws', { autoPong: false });
    clients.push(dead);
    const openedAtMs = performance.now();
    expect(await dead.closed()).toMatchObject({ code: 4002 });
    expect(performance.now() - openedAtMs).toBeGreaterThan(350);
    expect(lively.socket.readyState).toBe(lively.socket.OPEN);
  });

  it('gets the newest 256 messages of a burst, and the oldest are dropped', async () => {
    gate = await startTestApp({ WSGATE_HUB_CONSOLE_QUEUE_MAX: '10', WSGATE_HUB_CONSOLE_EVERY: '1h' });
    const client = await connect();
    const batch = Array.from({ length: 30 }, () => incident());
    await postEvents(gate.app.http, batch);
    await until('the newest', () => told(client, 'event').some(({ event }) => event.id === batch.at(-1)?.id));
    const ids = told(client, 'event').map(({ event }) => event.id);
    expect(ids.length).toBeLessThanOrEqual(10);
    expect(batch.map(({ id }) => id).slice(-5)).toEqual(ids.slice(-5));
    expect(await (await gate.get('/metrics')).text()).toMatch(/websocket_messages_dropped_total (2\d)/);
  });
});
