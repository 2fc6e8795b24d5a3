/**
 * `/api/monitoring/ws`: what a console shows. It tells the fleet's figures, at an interval and when they change; and
 * every event, without a subscription.
 */

import type { FastifyBaseLogger } from 'fastify';
import type { WebSocket } from 'ws';
import type { Snapshots } from '../figures/snapshots.ts';
import type { HubMetrics } from '../hub-metrics.ts';
import type { Delivery } from './event-history.ts';
import type { Feed } from './feed.ts';
import type { FeedClient } from './feed-client.ts';
import { FeedClients, type FeedOptions } from './feed-clients.ts';
import { frameOf, MetricsFrames, plainEventFrame } from './frame.ts';
import type { Frame } from './outbox.ts';

export interface ConsoleFeedOptions extends FeedOptions {
  readonly everyMs: number;
  readonly messageBytesMax: number;
}

/** How often the figures are checked for a change that another gate has seen. */
const LOOK_MS = 500;

export class ConsoleFeed implements Feed {
  readonly name = 'console';
  readonly scope = 'read';
  readonly clients: FeedClients;
  readonly #snapshots: Snapshots;
  readonly #metrics: HubMetrics;
  readonly #log: FastifyBaseLogger;
  readonly #options: ConsoleFeedOptions;
  readonly #frames = new MetricsFrames();
  /** What all clients get at the end of this turn of the event loop. */
  #broadcast: Frame[] = [];
  #toldJson = '';
  #toldAtMs = 0;

  constructor(snapshots: Snapshots, metrics: HubMetrics, log: FastifyBaseLogger, options: ConsoleFeedOptions) {
    this.#snapshots = snapshots;
    this.#metrics = metrics;
    this.#log = log;
    this.#options = options;
    this.clients = new FeedClients(options, metrics);
    this.clients.every(Math.min(LOOK_MS, options.everyMs), () => void this.#look());
    this.#snapshots.listen((json) => this.#tell(json));
  }

  get messageBytesMax(): number {
    return this.#options.messageBytesMax;
  }

  /** From 0 to 1: the queue for all clients. */
  get saturation(): number {
    return this.#broadcast.length / this.#options.queueMax;
  }

  accept(socket: WebSocket, gone: () => void): void {
    const client = this.clients.add(socket, { message: (text) => this.#read(client, text), closed: gone });
    void this.#snapshots.latest().then((json) => client.send(this.#frames.of(json)));
  }

  event(delivery: Delivery): void {
    if (this.clients.size > 0) this.#enqueue(plainEventFrame(delivery));
  }

  degraded(why: string | undefined): void {
    this.#enqueue(frameOf({ type: 'degraded', degraded: why !== undefined, reason: why ?? '' }));
  }

  async #look(): Promise<void> {
    if (this.clients.size === 0) return;
    const json = await this.#snapshots.latest();
    const due = performance.now() - this.#toldAtMs >= this.#options.everyMs - LOOK_MS / 2;
    if (json !== this.#toldJson || due) this.#tell(json);
  }

  #tell(json: string): void {
    this.#toldJson = json;
    this.#toldAtMs = performance.now();
    if (this.clients.size > 0) this.#enqueue(this.#frames.of(json));
  }

  #enqueue(frame: Frame): void {
    if (this.#broadcast.length === 0) setImmediate(() => this.#send());
    this.#broadcast.push(frame);
    if (this.#broadcast.length <= this.#options.queueMax) return;
    this.#broadcast.shift();
    this.#metrics.dropped.inc();
  }

  #send(): void {
    const frames = this.#broadcast;
    this.#broadcast = [];
    for (const client of this.clients) for (const frame of frames) client.send(frame);
  }

  #read(client: FeedClient, text: string | undefined): void {
    let type: unknown;
    try {
      ({ type } = JSON.parse(text ?? '') ?? {});
    } catch {
      this.#log.info({ feed: this.name }, 'ignored a message that is no JSON text');
      return;
    }
    if (type === 'ping') client.send(frameOf({ type: 'pong', server_time: new Date().toISOString() }));
    else this.#log.info({ feed: this.name, type: String(type).slice(0, 64) }, 'ignored a message of an unknown type');
  }
}
