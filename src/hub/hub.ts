/** The hub: what happens in the fleet and what people post, told to every WebSocket client that wants it. */

import type { Server } from 'node:http';
import type { Registry } from '@prometheus-io/client';
import type { FastifyBaseLogger } from 'fastify';
import type { Access } from '../access.ts';
import type { Events } from '../admission/events.ts';
import type { Ledger } from '../admission/ledger/ledger.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import type { Broker } from './broker/broker.ts';
import type { CloudEvent } from './cloud-event.ts';
import type { LivenessOptions } from './feeds/clients.ts';
import { ConsoleFeed, type ConsoleFeedOptions } from './feeds/console-feed.ts';
import { EventsFeed } from './feeds/events-feed.ts';
import type { Feed } from './feeds/feed.ts';
import { factsOf } from './feeds/filters.ts';
import { History } from './feeds/history.ts';
import { MetricsFeed } from './feeds/metrics-feed.ts';
import { states } from './feeds/session-state.ts';
import type { FleetCache } from './figures/fleet-cache.ts';
import { Rates } from './figures/rates.ts';
import { Snapshots } from './figures/snapshots.ts';
import { Door, type DoorOptions } from './handshake.ts';
import { HubMetrics } from './hub-metrics.ts';
import { type Happening, ownEvent } from './own-event.ts';
import { OWN_SOURCE } from './own-source.ts';
import type { Attendance, Snapshot } from './protocol.ts';
import { Reporter } from './reporter.ts';
import { Tickets } from './tickets.ts';

export interface HubParts {
  readonly events: Events;
  readonly ledger: Pick<Ledger, 'streams'>;
  readonly broker: Broker;
  readonly cache: FleetCache;
  readonly fleet: FleetView;
  readonly store: () => Snapshot['store'];
  readonly attendance: () => Attendance;
  readonly access: Access;
  readonly registry: Registry;
  readonly log: FastifyBaseLogger;
}

export interface HubOptions extends DoorOptions {
  /** This gate's name: its events' source is `wsgate/<name>`. */
  readonly gate: string;
  readonly tokens: readonly string[];
  readonly ticketMs: number;
  readonly subscriptionsMax: number;
  readonly messagesPerSecondMax: number;
  readonly queueMax: number;
  readonly whenFull: 'drop' | 'close';
  readonly pingMs: number;
  readonly sessionTimeoutMs: number;
  readonly cleanupMs: number;
  /** Events. */
  readonly historyMax: number;
  readonly oneByOneMax: number;
  readonly metrics: { readonly everyMs: number; readonly ttlMs: number; readonly fillingPercent: number };
  readonly console: LivenessOptions & Pick<ConsoleFeedOptions, 'everyMs' | 'queueMax' | 'messageBytesMax'>;
}

/** Clients that come before the history has been read wait for it, for so long: a Redis may accept and say nothing. */
const BEGIN_MS = 2000;

export class Hub {
  readonly tickets: Tickets;
  /** Of its WebSockets. */
  readonly paths: readonly string[];
  readonly #broker: Broker;
  readonly #source: string;
  readonly #metrics: HubMetrics;
  readonly #history: History;
  readonly #rates = new Rates();
  readonly #snapshots: Snapshots;
  readonly #reporter: Reporter;
  readonly #door: Door;
  readonly #feeds: readonly Feed[];
  readonly #log: FastifyBaseLogger;
  #degraded = true;
  /** Fulfilled when the broker has told the history, or that it cannot have it now. */
  readonly #begun = Promise.withResolvers<void>();
  #beginning: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;

  constructor(parts: HubParts, options: HubOptions) {
    this.#broker = parts.broker;
    this.#log = parts.log;
    this.#source = `${OWN_SOURCE}${options.gate}`;
    this.#metrics = new HubMetrics(parts.registry);
    this.#history = new History(options.historyMax);
    this.tickets = new Tickets(options.tokens, options.ticketMs, parts.cache);
    const liveness = { pingMs: options.pingMs, timeoutMs: options.sessionTimeoutMs, cleanupMs: options.cleanupMs };
    const events = new EventsFeed({ history: this.#history, metrics: this.#metrics }, { ...options, ...liveness });
    const publish = (happenings: readonly Happening[]) => this.#report(happenings);
    const { fleet, cache, store, attendance, log } = parts;
    this.#snapshots = new Snapshots({ fleet, cache, store, attendance, publish, rates: this.#rates }, options.metrics);
    const shared = { snapshots: this.#snapshots, metrics: this.#metrics, log };
    const metrics = new MetricsFeed(shared, { ...options, ...liveness, ...options.metrics });
    const console = new ConsoleFeed(shared, { ...options, whenFull: 'drop', ...options.console });
    this.#feeds = [events, metrics, console];
    const feeds = { '/ws': events, '/ws/metrics': metrics, '/api/monitoring/ws': console };
    this.paths = Object.keys(feeds);
    this.#door = new Door(
      { access: parts.access, tickets: this.tickets, metrics: this.#metrics, feeds, begun: this.#begun.promise },
      options,
    );
    this.#reporter = new Reporter(
      parts.events,
      { publish, changed: () => this.#snapshots.changed(), talking: () => parts.ledger.streams.proxies() },
      options,
    );
    this.#gauges(events, console);
  }

  /** Lets WebSockets in that arrive at this server. */
  attach(server: Server): void {
    server.on('upgrade', (request, socket, head) => void this.#door.enter(request, socket, head));
  }

  start(): void {
    this.#beginning = setTimeout(this.#begun.resolve, BEGIN_MS);
    this.#broker.start({
      event: (event, json, live) => this.#deliver(event, json, live),
      missed: () => {
        for (const feed of this.#feeds) feed.missed();
      },
      degraded: (why) => {
        this.#degraded = why !== undefined;
        if (this.#degraded) this.#log.warn({ why }, 'the hub reaches only the clients of this gate');
        else this.#log.info('the hub reaches the clients of all gates');
        for (const feed of this.#feeds) feed.degraded(why);
        this.#begin();
      },
    });
    for (const feed of this.#feeds) feed.start();
    this.#reporter.start();
  }

  /** Events that others made. */
  publish(events: readonly CloudEvent[]): void {
    this.#broker.publish(events);
  }

  /** Sends the clients to other gates. Resolves when they have left. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Waits for nothing: whoever is in the middle of something is cut off. */
  close(): Promise<void> {
    return this.#broker.close();
  }

  async #stop(): Promise<void> {
    this.#door.close();
    this.#begin();
    this.#reporter.stop();
    this.#snapshots.stop();
    await this.#broker.stop();
    await Promise.all(this.#feeds.map((feed) => feed.stop()));
  }

  #begin(): void {
    clearTimeout(this.#beginning);
    this.#begun.resolve();
  }

  #report(happenings: readonly Happening[]): void {
    this.#broker.publish(happenings.map((happening) => ownEvent(this.#source, happening)));
  }

  #deliver(event: CloudEvent, json: string, live: boolean): void {
    if (this.#history.has(event.id)) return;
    const delivery = { event, json, facts: factsOf(event), arrivedAtMs: performance.now() };
    this.#history.add(delivery);
    if (!live) return;
    this.#rates.note(event);
    this.#metrics.broadcast.inc();
    for (const feed of this.#feeds) feed.event(delivery);
  }

  #gauges(events: EventsFeed, console: ConsoleFeed): void {
    this.#metrics.gauge('websocket_hub_clients', 'Clients that are connected.', 'feed', () =>
      this.#feeds.map(({ name, clients }) => [name, clients.size]),
    );
    this.#metrics.gauge('websocket_hub_sessions', 'Sessions of /ws, by state.', 'state', () => {
      const counts = events.states();
      return states.map((state) => [state.toLowerCase(), counts.get(state) ?? 0]);
    });
    this.#metrics.gauge('websocket_hub_subscriptions', 'Subscriptions of all clients.', '', () => [
      ['', events.subscriptions],
    ]);
    this.#metrics.gauge(
      'websocket_hub_queue_saturation_ratio',
      'How full the fullest queue of any client is.',
      'feed',
      () => this.#feeds.map(({ name, clients }) => [name, clients.saturation]),
    );
    this.#metrics.gauge(
      'websocket_hub_broadcast_saturation_ratio',
      'How full the queue is of what all clients of the console feed are to get.',
      '',
      () => [['', console.saturation]],
    );
    this.#metrics.gauge('websocket_hub_degraded', "Whether only this gate's own events are told.", '', () => [
      ['', this.#degraded ? 1 : 0],
    ]);
  }
}
