/** `/ws/metrics` tells the fleet's figures, at once and then at an interval. It ignores what clients say. */

import type { WebSocket } from 'ws';
import type { Snapshots } from '../figures/snapshots.ts';
import type { HubMetrics } from '../hub-metrics.ts';
import type { Feed } from './feed.ts';
import { FeedClients, type FeedOptions } from './feed-clients.ts';
import { MetricsFrames } from './frame.ts';

/** Messages of clients are ignored. */
const MESSAGE_BYTES_MAX = 1024;

export interface MetricsFeedOptions extends FeedOptions {
  readonly everyMs: number;
}

export class MetricsFeed implements Feed {
  readonly name = 'metrics';
  readonly scope = 'read';
  readonly messageBytesMax = MESSAGE_BYTES_MAX;
  readonly clients: FeedClients;
  readonly #snapshots: Snapshots;
  readonly #everyMs: number;
  readonly #frames = new MetricsFrames();

  constructor(snapshots: Snapshots, metrics: HubMetrics, options: MetricsFeedOptions) {
    this.#snapshots = snapshots;
    this.#everyMs = options.everyMs;
    this.clients = new FeedClients(options, metrics);
  }

  accept(socket: WebSocket, gone: () => void): void {
    const tell = async () => client.send(this.#frames.of(await this.#snapshots.latest()));
    const timer = setInterval(tell, this.#everyMs);
    const client = this.clients.add(socket, {
      closing: () => clearInterval(timer),
      closed: () => {
        clearInterval(timer);
        gone();
      },
    });
    void tell();
  }
}
