/**
 * The hub tells what happens in the fleet, and what people post, to every WebSocket client that wants to hear it. Its
 * parts are made and joined here; `open.ts` brings what the configuration decides.
 */

import type { Server } from 'node:http';
import type { Registry } from '@prometheus-io/client';
import type { FastifyBaseLogger } from 'fastify';
import type { Access } from '../access.ts';
import type { Events } from '../admission/events.ts';
import type { Ledger } from '../admission/ledger/ledger.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import type { Broker } from './broker/broker.ts';
import type { CloudEvent } from './events/cloud-event.ts';
import { type DomainEvent, GATE_SOURCE, toCloudEvent } from './events/domain-event.ts';
import { Reporter, type ReporterOptions } from './events/reporter.ts';
import { ConsoleFeed, type ConsoleFeedOptions } from './feeds/console-feed.ts';
import { EventHistory } from './feeds/event-history.ts';
import { EventsFeed, type EventsFeedOptions } from './feeds/events-feed.ts';
import type { Feed } from './feeds/feed.ts';
import { factsOf } from './feeds/filters.ts';
import { MetricsFeed, type MetricsFeedOptions } from './feeds/metrics-feed.ts';
import { states } from './feeds/session-state.ts';
import type { FleetCache } from './figures/fleet-cache.ts';
import { Rates, type Told } from './figures/rates.ts';
import { type SnapshotOptions, Snapshots } from './figures/snapshots.ts';
import { Handshake, type HandshakeOptions } from './handshake.ts';
import { HubMetrics } from './hub-metrics.ts';
import type { Attendance, Snapshot } from './protocol.ts';
import { Tickets } from './tickets.ts';

/** What the hubs of all gates share. */
export interface Shared {
  readonly broker: Broker;
  readonly cache: FleetCache;
}

export interface HubParts extends Shared {
  readonly events: Events;
  readonly ledger: Pick<Ledger, 'streams'>;
  readonly fleet: FleetView;
  readonly store: () => Snapshot['store'];
  readonly attendance: () => Attendance;
  readonly access: Access;
  readonly registry: Registry;
  readonly log: FastifyBaseLogger;
}

export interface HubOptions extends HandshakeOptions, ReporterOptions {
  /** This gate's name: its events' source is `wsgate/<name>`. */
  readonly gate: string;
  readonly ticketMs: number;
  /** Events. */
  readonly historyMax: number;
  readonly events: EventsFeedOptions;
  readonly metrics: MetricsFeedOptions;
  readonly console: ConsoleFeedOptions;
  readonly snapshots: SnapshotOptions;
}

/** How long clients wait for the history to be read: a Redis may accept a connection and say nothing. */
const BEGIN_MS = 2000;

export class Hub {
  readonly tickets: Tickets;
  /** Of its WebSockets. */
  readonly paths: readonly string[];
  readonly #broker: Broker;
  readonly #log: FastifyBaseLogger;
  readonly #source: string;
  readonly #metrics: HubMetrics;
  readonly #history: EventHistory;
  readonly #rates = new Rates();
  readonly #snapshots: Snapshots;
  readonly #reporter: Reporter;
  readonly #handshake: Handshake;
  readonly #feeds: readonly Feed[];
  #degraded = true;
  /** Fulfilled when the broker has told the history, or has told that it cannot read it now. */
  readonly #begun = Promise.withResolvers<void>();
  #beginning: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;

  constructor(parts: HubParts, options: HubOptions) {
    const { access, cache, log } = parts;
    this.#broker = parts.broker;
    this.#log = log;
    this.#source = `${GATE_SOURCE}${options.gate}`;
    this.#metrics = new HubMetrics(parts.registry);
    this.#history = new EventHistory(options.historyMax);
    this.tickets = new Tickets(access.tokens, options.ticketMs, cache);
    const publish = (events: readonly DomainEvent[]) =>
      this.publish(events.map((event) => toCloudEvent(this.#source, event)));
    this.#snapshots = new Snapshots({ ...parts, publish, rates: this.#rates }, options.snapshots);
    const events = new EventsFeed(this.#history, this.#metrics, options.events);
    const metrics = new MetricsFeed(this.#snapshots, this.#metrics, options.metrics);
    const console = new ConsoleFeed(this.#snapshots, this.#metrics, log, options.console);
    const feeds = { '/ws': events, '/ws/metrics': metrics, '/api/monitoring/ws': console };
    this.#feeds = Object.values(feeds);
    this.paths = Object.keys(feeds);
    this.#handshake = new Handshake(
      { access, feeds, tickets: this.tickets, metrics: this.#metrics, begun: this.#begun.promise },
      options,
    );
    const changed = () => this.#snapshots.changed();
    this.#reporter = new Reporter(
      parts.events,
      { publish, changed, talking: () => parts.ledger.streams.proxies() },
      options,
    );
    this.#gauges(events, console);
  }

  /** Serves the WebSockets that arrive at this server. */
  attach(server: Server): void {
    server.on('upgrade', (request, socket, head) => void this.#handshake.enter(request, socket, head));
  }

  start(): void {
    this.#beginning = setTimeout(this.#begun.resolve, BEGIN_MS);
    this.#broker.start({
      event: (event, json, live) => this.#deliver(event, json, live),
      missed: () => {
        for (const feed of this.#feeds) feed.missed?.();
      },
      degraded: (why) => {
        this.#degraded = why !== undefined;
        if (this.#degraded) this.#log.warn({ why }, 'the hub reaches only the clients of this gate');
        else this.#log.info('the hub reaches the clients of all gates');
        for (const feed of this.#feeds) feed.degraded?.(why);
        this.#begin();
      },
    });
    for (const { clients } of this.#feeds) clients.start();
    this.#reporter.start();
  }

  /** Tells events to all gates, and to their clients. */
  publish(events: readonly CloudEvent[]): void {
    this.#broker.publish(events);
  }

  /** The newest events that this gate knows, at most so many; oldest first. */
  async latest(max: number): Promise<CloudEvent[]> {
    await this.#begun.promise;
    return this.#history.latest(max);
  }

  /** How many connections the fleet has admitted, denied and freed since this gate started. */
  told(): Told {
    return this.#rates.told();
  }

  /** Sends the clients to other gates. Resolves when they have left. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Ends at once: what is under way is cut off. */
  close(): Promise<void> {
    this.#begin();
    this.#snapshots.stop();
    return this.#broker.close();
  }

  async #stop(): Promise<void> {
    this.#handshake.close();
    this.#begin();
    this.#reporter.stop();
    this.#snapshots.stop();
    await this.#broker.stop();
    await Promise.all(this.#feeds.map(({ clients }) => clients.stop()));
  }

  #begin(): void {
    clearTimeout(this.#beginning);
    this.#begun.resolve();
  }

  #deliver(event: CloudEvent, json: string, live: boolean): void {
    if (this.#history.has(event.id)) return;
    const delivery = { event, json, facts: factsOf(event), arrivedAtMs: performance.now() };
    this.#history.add(delivery);
    if (!live) return;
    this.#rates.note(event);
    this.#metrics.broadcast.inc();
    for (const feed of this.#feeds) feed.event?.(delivery);
  }

  #gauges(events: EventsFeed, console: ConsoleFeed): void {
    this.#metrics.gauges('websocket_hub_clients', 'Clients that are connected.', 'feed', () =>
      this.#feeds.map(({ name, clients }) => [name, clients.size]),
    );
    this.#metrics.gauges('websocket_hub_sessions', 'Sessions of /ws, by state.', 'state', () => {
      const counts = events.states();
      return states.map((state) => [state.toLowerCase(), counts.get(state) ?? 0]);
    });
    this.#metrics.gauge('websocket_hub_subscriptions', 'Subscriptions of all clients.', () => events.subscriptions);
    this.#metrics.gauges(
      'websocket_hub_queue_saturation_ratio',
      'How full the fullest queue of any client is.',
      'feed',
      () => this.#feeds.map(({ name, clients }) => [name, clients.saturation]),
    );
    this.#metrics.gauge(
      'websocket_hub_broadcast_saturation_ratio',
      'How full the queue is of what all clients of the console feed are to get.',
      () => console.saturation,
    );
    this.#metrics.gauge('websocket_hub_degraded', "Whether only this gate's own events are told.", () =>
      this.#degraded ? 1 : 0,
    );
  }
}
