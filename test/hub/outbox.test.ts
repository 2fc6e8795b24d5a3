/** Against a wire that takes what the test lets it take: sockets fail and stall when they like. */

import { Registry } from '@prometheus-io/client';
import { beforeEach, describe, expect, it } from 'vitest';
import { Outbox, type Wire } from '../../src/hub/feeds/outbox.ts';
import { HubMetrics } from '../../src/hub/hub-metrics.ts';

class SlowWire implements Wire {
  readyState = 1;
  bufferedAmount = 0;
  readonly sent: string[] = [];
  /** The next so many messages fail. */
  failures = 0;
  readonly #waiting: { size: number; sent: (error?: Error) => void }[] = [];

  send(data: Buffer, _options: { binary: false }, sent: (error?: Error | null) => void): void {
    if (this.failures > 0) {
      this.failures -= 1;
      sent(new Error('write failed'));
      return;
    }
    this.sent.push(String(data));
    this.bufferedAmount += data.length;
    this.#waiting.push({ size: data.length, sent });
  }

  /** The client reads one message. */
  read(): void {
    const first = this.#waiting.shift();
    this.bufferedAmount -= first?.size ?? 0;
    first?.sent();
  }

  readAll(): void {
    while (this.#waiting.length > 0) this.read();
  }
}

const BIG = 'x'.repeat(64 * 1024);
let wire: SlowWire;
let registry: Registry;
let heard: string[];

function outbox(whenFull: 'drop' | 'close', queueMax = 3): Outbox {
  return new Outbox(
    wire,
    { queueMax, whenFull },
    {
      overflowed: () => heard.push('overflowed'),
      drained: () => heard.push('drained'),
      failed: () => heard.push('failed'),
    },
    new HubMetrics(registry),
  );
}

function push(box: Outbox, ...texts: string[]): void {
  for (const text of texts) box.push({ data: Buffer.from(text), arrivedAtMs: performance.now() });
}

async function metric(name: string): Promise<string | undefined> {
  return (await registry.metrics()).split('\n').find((line) => line.startsWith(`${name} `));
}

beforeEach(() => {
  wire = new SlowWire();
  registry = new Registry();
  heard = [];
});

describe('an outbox', () => {
  it('hands over at once what the socket takes', () => {
    push(outbox('drop'), 'a', 'b');
    expect(wire.sent).toEqual(['a', 'b']);
  });

  it('keeps what it does not take, and sends it in order when it does', () => {
    const box = outbox('drop');
    push(box, BIG, 'a', 'b');
    expect(wire.sent).toEqual([BIG]);
    expect(box.saturation).toBeCloseTo(2 / 3);
    expect(box.hasRoom).toBe(false);
    wire.readAll();
    expect(wire.sent).toEqual([BIG, 'a', 'b']);
    expect(box.saturation).toBe(0);
    expect(heard.at(-1)).toBe('drained');
  });

  it('that is full drops the oldest message, and tells how many were dropped', async () => {
    push(outbox('drop'), BIG, 'a', 'b', 'c', 'd', 'e');
    wire.readAll();
    expect(wire.sent).toEqual([BIG, '{"type":"lagged","missed":2}', 'c', 'd', 'e']);
    expect(await metric('websocket_messages_dropped_total')).toBe('websocket_messages_dropped_total 2');
    expect(heard).not.toContain('overflowed');
  });

  it('that is full gives up its client, if `whenFull` says so', () => {
    const box = outbox('close');
    push(box, BIG, 'a', 'b', 'c');
    expect(heard).toEqual([]);
    push(box, 'd');
    expect(heard).toEqual(['overflowed']);
  });

  it('tries to write a message once more', async () => {
    wire.failures = 1;
    push(outbox('drop'), 'a');
    expect(wire.sent).toEqual(['a']);
    expect(heard).toEqual([]);
    expect(await metric('websocket_send_errors_total')).toBe('websocket_send_errors_total 0');
  });

  it('gives up a message that could not be written twice, and says so', async () => {
    wire.failures = 2;
    push(outbox('drop'), 'a');
    expect(wire.sent).toEqual([]);
    expect(heard).toEqual(['failed']);
    expect(await metric('websocket_send_errors_total')).toBe('websocket_send_errors_total 1');
  });

  it('sends nothing to a client that has left', () => {
    wire.readyState = 3;
    push(outbox('drop'), 'a');
    expect(wire.sent).toEqual([]);
  });

  it('counts what was handed over, and how long it took', async () => {
    const box = outbox('drop');
    push(box, 'a', 'b');
    box.push({ data: Buffer.from('no event') });
    wire.readAll();
    expect(await metric('websocket_events_delivered_total')).toBe('websocket_events_delivered_total 2');
    expect(await metric('websocket_message_latency_seconds_count')).toBe('websocket_message_latency_seconds_count 2');
  });
});
