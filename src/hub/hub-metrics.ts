/** The hub's part of `/metrics`. Each label has a closed set of values: no client, subscription or event is one. */

import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client';
import { closeReasons } from './protocol.ts';

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** How a connection ended, by its close code (RFC 6455, 7.4.1). 1006: without a close frame. */
const ENDINGS: Readonly<Record<number, string>> = {
  1000: 'left',
  1001: 'left',
  1005: 'left',
  1006: 'broken',
  1009: 'message_too_large',
  [closeReasons.stopping.code]: 'stopping',
  [closeReasons.tooSlow.code]: 'too_slow',
  [closeReasons.silent.code]: 'silent',
  [closeReasons.tooManyMessages.code]: 'too_many_messages',
};

export type Refused = 'origin' | 'access' | 'clients' | 'address' | 'stopping' | 'path';

export class HubMetrics {
  readonly broadcast: Counter<string>;
  readonly delivered: Counter<string>;
  readonly dropped: Counter<string>;
  readonly sendErrors: Counter<string>;
  readonly latency: Histogram<string>;
  readonly opened: Counter<string>;
  readonly #closed: Counter<string>;
  readonly #refused: Counter<string>;
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
    const registers = [registry];
    const counter = (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ name, help, labelNames, registers });
    this.broadcast = counter(
      'websocket_events_broadcast_total',
      'Events that this gate has handed to its clients, however many wanted them.',
    );
    this.delivered = counter('websocket_events_delivered_total', 'Events written to clients.');
    this.dropped = counter(
      'websocket_messages_dropped_total',
      'Messages that a full queue did not take, or threw away.',
    );
    this.sendErrors = counter(
      'websocket_send_errors_total',
      'Messages that could not be written: twice to an open connection, or to one that broke under them.',
    );
    this.latency = new Histogram({
      name: 'websocket_message_latency_seconds',
      help: "Time from an event's arrival at this gate to its last byte's being handed to the kernel, for each client.",
      buckets: SECONDS,
      registers,
    });
    this.opened = counter('websocket_hub_opened_total', 'Clients that have come.');
    this.#closed = counter('websocket_hub_closed_total', 'Clients that have left, by how.', ['reason']);
    this.#refused = counter('websocket_hub_refused_total', 'Clients that were not let in.', ['reason']);
  }

  closed(code: number): void {
    this.#closed.inc({ reason: ENDINGS[code] ?? 'other' });
  }

  refused(reason: Refused): void {
    this.#refused.inc({ reason });
  }

  /** Read when scraped. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** One value for each value of the label. */
  gauges(
    name: string,
    help: string,
    label: string,
    read: () => Iterable<readonly [labelValue: string, value: number]>,
  ) {
    new Gauge<string>({
      name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        for (const [labelValue, value] of read()) this.set({ [label]: labelValue }, value);
      },
    });
  }
}
