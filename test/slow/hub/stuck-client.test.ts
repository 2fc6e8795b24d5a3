/** A client that has stopped reading, beside a hundred that have not. */

import { afterEach, describe, expect, it } from 'vitest';
import { type Gate, startGate } from '../../../lab/fleet/gate.ts';
import { until } from '../../../lab/fleet/processes.ts';
import { HubClient, incident, postEvents } from '../../hub/client.ts';

const HEALTHY = 100;
const QUEUE_MAX = 200;
const EVENTS = 200;
/** Larger than what the kernel holds for a connection, together with the queue. */
const BULK_BYTES = 12_000;
const BULK_EVENTS_MAX = 5000;

let gate: Gate;
const clients: HubClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await gate.stop();
});

const http = () => `http://127.0.0.1:${gate.httpPort}`;

async function subscribed(types: string[]): Promise<HubClient> {
  const client = await HubClient.subscribed(http(), { types });
  clients.push(client);
  return client;
}

async function saturation(): Promise<number> {
  return (await gate.metrics('/metrics'))['websocket_hub_queue_saturation_ratio{feed="events"}'] ?? Number.NaN;
}

async function fill(): Promise<void> {
  for (let sent = 0; (await saturation()) < 1; sent += 100) {
    if (sent > BULK_EVENTS_MAX) throw new Error('the queue never fills up');
    const bulk = Array.from({ length: 100 }, () => incident({ type: 'bulk', data: { note: 'x'.repeat(BULK_BYTES) } }));
    await postEvents(http(), bulk);
  }
}

/** From the event's time to its arrival, of each event at each client, ms; in rising order. */
async function latencies(all: readonly HubClient[]): Promise<number[]> {
  const before = all.map(({ received }) => received.length);
  for (let sent = 0; sent < EVENTS; sent += 10) {
    const time = new Date(performance.timeOrigin + performance.now()).toISOString();
    await postEvents(
      http(),
      Array.from({ length: 10 }, () => incident({ time })),
    );
  }
  await until(
    'all have all',
    () => all.every(({ received }, i) => received.length === (before[i] ?? 0) + EVENTS),
    15_000,
  );
  const late = all.flatMap(({ received, receivedAtMs }, i) =>
    received.slice(before[i]).map((message, j) => {
      const { event } = message as { event: { time: string } };
      return performance.timeOrigin + (receivedAtMs[(before[i] ?? 0) + j] ?? 0) - Date.parse(event.time);
    }),
  );
  return late.sort((a, b) => a - b);
}

/**
 * Of three rounds: what else the machine does delays one now and then; a client that delays others delays all of them.
 */
async function leastP99(clients: Parameters<typeof latencies>[0]): Promise<number> {
  const rounds: number[] = [];
  while (rounds.length < 3) rounds.push(p99(await latencies(clients)));
  return Math.min(...rounds);
}

function p99(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
}

describe('a client that has stopped reading', () => {
  it('has a bounded queue, slows nobody down, and is told what it missed', async () => {
    gate = await startGate({ config: { hub: { queueMax: QUEUE_MAX } } });
    const healthy = await Promise.all(Array.from({ length: HEALTHY }, () => subscribed(['incident.*'])));
    await latencies(healthy); // warms up
    const alone = await leastP99(healthy);
    const stuck = await subscribed(['*']);
    stuck.pause();
    await fill();
    const beside = await leastP99(healthy);
    expect(await saturation()).toBe(1);
    expect(beside).toBeLessThan(2 * alone + 20); // one turn of a busy event loop, more or less
    const dropped = (await gate.metrics('/metrics')).websocket_messages_dropped_total ?? 0;
    expect(dropped).toBeGreaterThanOrEqual(EVENTS);
    stuck.socket.resume();
    await until('it has caught up', async () => (await saturation()) === 0);
    const { missed } = await stuck.next('lagged');
    expect(missed).toBe(dropped);
  });

  it('is disconnected instead, if `whenFull` says so', async () => {
    gate = await startGate({ config: { hub: { queueMax: QUEUE_MAX, whenFull: 'close' } } });
    const stuck = await subscribed(['*']);
    stuck.pause();
    const closed = async () => (await gate.metrics('/metrics'))['websocket_hub_closed_total{reason="too_slow"}'] === 1;
    for (let sent = 0; sent <= BULK_EVENTS_MAX && !(await closed()); sent += 100) {
      const bulk = Array.from({ length: 100 }, () =>
        incident({ type: 'bulk', data: { note: 'x'.repeat(BULK_BYTES) } }),
      );
      await postEvents(http(), bulk);
    }
    await until('it is sent away', closed); // the last events may still be on their way
    expect((await gate.metrics('/metrics'))['websocket_hub_clients{feed="events"}']).toBe(0);
  });
});
