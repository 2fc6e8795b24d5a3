/** `/ws/metrics`: the fleet's figures, at once and then at an interval. What clients say is passed over. */

import type { WebSocket } from 'ws';
import type { Snapshots } from '../figures/snapshots.ts';
import type { HubMetrics } from '../hub-metrics.ts';
import { Client, type ClientOptions } from './client.ts';
import { Clients, type LivenessOptions } from './clients.ts';
import type { Feed } from './feed.ts';
import { MetricsFrames } from './frame.ts';

/** Nothing that a client could say would be of use. */
const MESSAGE_BYTES_MAX = 1024;

export interface MetricsFeedOptions extends ClientOptions, LivenessOptions {
  readonly everyMs: number;
}

export class MetricsFeed implements Feed {
  readonly name = 'metrics';
  readonly messageBytesMax = MESSAGE_BYTES_MAX;
  readonly clients: Clients;
  readonly #snapshots: Snapshots;
  readonly #metrics: HubMetrics;
  readonly #options: MetricsFeedOptions;
  readonly #frames = new MetricsFrames();

  constructor(parts: { snapshots: Snapshots; metrics: HubMetrics }, options: MetricsFeedOptions) {
    this.#snapshots = parts.snapshots;
    this.#metrics = parts.metrics;
    this.#options = options;
    this.clients = new Clients(options);
  }

  accept(socket: WebSocket, gone: () => void): void {
    const tell = async () => client.send(this.#frames.of(await this.#snapshots.latest()));
    const timer = setInterval(tell, this.#options.everyMs);
    const client = new Client(
      socket,
      this.#options,
      {
        message() {},
        drained() {},
        closing: () => clearInterval(timer),
        closed: () => {
          clearInterval(timer);
          this.clients.remove(client);
          gone();
        },
      },
      this.#metrics,
    );
    this.clients.add(client);
    void tell();
  }

  event(): void {}
  missed(): void {}
  degraded(): void {}

  start(): void {
    this.clients.start();
  }

  stop(): Promise<void> {
    return this.clients.stop();
  }
}
