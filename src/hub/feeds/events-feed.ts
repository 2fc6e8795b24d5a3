/** `/ws` tells events to the clients that subscribed to them. */

import type { WebSocket } from 'ws';
import type { HubMetrics } from '../hub-metrics.ts';
import type { ServerMessage } from '../protocol.ts';
import type { Delivery, EventHistory } from './event-history.ts';
import type { Feed } from './feed.ts';
import { FeedClients, type FeedOptions } from './feed-clients.ts';
import { eventFrame, frameOf } from './frame.ts';
import type { Frame } from './outbox.ts';
import { Session, type SessionParts } from './session.ts';
import type { State } from './session-state.ts';
import { Subscriptions } from './subscriptions.ts';

const MESSAGE_BYTES_MAX = 64 * 1024;

export interface EventsFeedOptions extends FeedOptions {
  readonly subscriptionsMax: number;
}

export class EventsFeed implements Feed {
  readonly name = 'events';
  readonly scope = 'read';
  readonly messageBytesMax = MESSAGE_BYTES_MAX;
  readonly clients: FeedClients;
  readonly #sessions = new Set<Session>();
  readonly #subscriptions = new Subscriptions<Session>();
  readonly #parts: SessionParts;
  #degraded = true;

  constructor(history: EventHistory, metrics: HubMetrics, options: EventsFeedOptions) {
    this.clients = new FeedClients(options, metrics);
    this.clients.every(options.cleanupMs, () => {
      for (const session of this.#sessions) session.cleanUp();
    });
    this.#parts = {
      history,
      clients: this.clients,
      subscriptions: this.#subscriptions,
      subscriptionsMax: options.subscriptionsMax,
      degraded: () => this.#degraded,
    };
  }

  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  accept(socket: WebSocket, gone: () => void): void {
    const session = new Session(socket, this.#parts, () => {
      this.#sessions.delete(session);
      gone();
    });
    this.#sessions.add(session);
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
    for (const { state } of this.#sessions) counts.set(state, (counts.get(state) ?? 0) + 1);
    return counts;
  }

  #tellAll(message: ServerMessage): void {
    const frame = frameOf(message);
    for (const client of this.clients) client.send(frame);
  }
}
