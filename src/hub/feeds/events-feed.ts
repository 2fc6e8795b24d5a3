/** `/ws`: events, to those who subscribed to them. */

import type { WebSocket } from 'ws';
import type { HubMetrics } from '../hub-metrics.ts';
import type { ServerMessage } from '../protocol.ts';
import { Clients, type LivenessOptions } from './clients.ts';
import type { Feed } from './feed.ts';
import { eventFrame, frameOf } from './frame.ts';
import type { Delivery, History } from './history.ts';
import type { Frame } from './outbox.ts';
import { Session, type SessionOptions } from './session.ts';
import type { State } from './session-state.ts';
import { Subscriptions } from './subscriptions.ts';

const MESSAGE_BYTES_MAX = 64 * 1024;

export class EventsFeed implements Feed {
  readonly name = 'events';
  readonly messageBytesMax = MESSAGE_BYTES_MAX;
  readonly clients: Clients;
  readonly #sessions = new Map<object, Session>();
  readonly #subscriptions = new Subscriptions<Session>();
  readonly #history: History;
  readonly #metrics: HubMetrics;
  readonly #options: SessionOptions & LivenessOptions;
  #degraded = true;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: { history: History; metrics: HubMetrics }, options: SessionOptions & LivenessOptions) {
    this.#history = parts.history;
    this.#metrics = parts.metrics;
    this.#options = options;
    this.clients = new Clients(options);
  }

  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  accept(socket: WebSocket, gone: () => void): void {
    const session = new Session(
      socket,
      {
        history: this.#history,
        subscriptions: this.#subscriptions,
        metrics: this.#metrics,
        degraded: () => this.#degraded,
        left: ({ client }) => {
          this.#sessions.delete(client);
          this.clients.remove(client);
          gone();
        },
      },
      this.#options,
    );
    this.#sessions.set(session.client, session);
    this.clients.add(session.client);
  }

  start(): void {
    this.clients.start();
    this.#timer = setInterval(() => {
      for (const session of this.#sessions.values()) session.cleanUp();
    }, this.#options.cleanupMs);
  }

  stop(): Promise<void> {
    clearInterval(this.#timer);
    return this.clients.stop();
  }

  event(delivery: Delivery): void {
    const frames = new Map<string, Frame>(); // most clients name their subscriptions alike
    for (const [session, ids] of this.#subscriptions.matching(delivery.facts)) {
      let frame = frames.get(ids);
      if (!frame) {
        frame = eventFrame(delivery, ids);
        frames.set(ids, frame);
      }
      session.deliver(frame);
    }
  }

  missed(): void {
    this.#tellAll({ type: 'resync', reason: 'events of other gates were lost' });
  }

  degraded(why: string | undefined): void {
    const degraded = why !== undefined;
    if (degraded !== this.#degraded) this.#tellAll({ type: 'degraded', degraded, reason: why ?? '' });
    this.#degraded = degraded;
  }

  /** How many sessions are in each state. */
  states(): ReadonlyMap<State, number> {
    const counts = new Map<State, number>();
    for (const { state } of this.#sessions.values()) counts.set(state, (counts.get(state) ?? 0) + 1);
    return counts;
  }

  #tellAll(message: ServerMessage): void {
    const frame = frameOf(message);
    for (const client of this.clients) client.send(frame);
  }
}
