/**
 * One session of `/ws`: its subscriptions, its state, and what it missed.
 *
 * A session that resumes is behind. It reads events from the history, as fast as its client takes them, until it
 * reaches the newest; only then do new events go to it directly. So it gets each event once, in the order of the
 * history, and a long absence needs no long queue.
 */

import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import type { CloudEvent } from '../events/cloud-event.ts';
import {
  type ClientMessage,
  clientMessage,
  type errorCodes,
  type Filters,
  firstMistake,
  type ServerMessage,
  subscriptionAtFault,
} from '../protocol.ts';
import type { EventHistory } from './event-history.ts';
import type { FeedClient } from './feed-client.ts';
import type { FeedClients } from './feed-clients.ts';
import { matcherOf } from './filters.ts';
import { eventFrame, frameOf } from './frame.ts';
import type { Frame } from './outbox.ts';
import { next, type State, type Trigger } from './session-state.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface SessionParts {
  readonly history: EventHistory;
  readonly clients: FeedClients;
  readonly subscriptions: Subscriptions<Session>;
  readonly subscriptionsMax: number;
  readonly degraded: () => boolean;
}

interface Behind {
  at: number;
  told: number;
  waiting: boolean;
  /** Events that happened before are left out, unless they came after the client: those from the number `newFrom`. */
  readonly since: string | undefined;
  readonly newFrom: number;
}

type Resume = Extract<ClientMessage, { type: 'resume' }>;
/** The event after which it can resume if its connection is lost now. */
type Position = Pick<Extract<ServerMessage, { type: 'pong' }>, 'last_event_id'>;

/** How many events of the history one session looks at before others have their turn. */
const BEHIND_AT_ONCE = 200;

export class Session {
  readonly #client: FeedClient;
  readonly #parts: SessionParts;
  readonly #filters = new Map<string, Filters>();
  #state: State = 'CONNECTED';
  #hadEvent = false;
  /** The number of the event that it gets next; undefined when it is not behind. */
  #behind: Behind | undefined;

  /** `left`: called once, when its connection is gone. */
  constructor(socket: WebSocket, parts: SessionParts, left: () => void) {
    this.#parts = parts;
    this.#client = parts.clients.add(socket, {
      message: (text) => this.#read(text),
      drained: () => this.#catchUp(),
      closing: () => this.#become('closing'),
      closed: () => this.#end(left),
    });
    this.#send({
      type: 'welcome',
      session_id: randomUUID(),
      server_time: new Date().toISOString(),
      degraded: parts.degraded(),
    });
  }

  get state(): State {
    return this.#state;
  }

  #send(message: ServerMessage): void {
    this.#client.send(frameOf(message));
  }

  /** An event that its subscriptions want. */
  deliver(frame: Frame): void {
    if (this.#behind) return; // it finds the event in the history
    this.#client.send(frame);
    this.#active();
  }

  /** Called at each cleanup. */
  cleanUp(): void {
    if (!this.#hadEvent) this.#become('idle');
    this.#hadEvent = false;
  }

  #read(text: string | undefined): void {
    let json: unknown;
    try {
      json = JSON.parse(text ?? '');
    } catch {
      this.#complain('INVALID_JSON', text === undefined ? 'a binary message is no JSON text' : 'this is no JSON text');
      return;
    }
    const parsed = clientMessage.safeParse(json);
    if (parsed.success) this.#obey(parsed.data);
    else this.#complain('INVALID_MESSAGE', firstMistake(parsed.error), subscriptionAtFault(json, parsed.error));
  }

  #obey(message: ClientMessage): void {
    switch (message.type) {
      case 'subscribe':
        this.#subscribe(message, this.#position());
        break;
      case 'unsubscribe':
        this.#unsubscribe(message.subscription_id);
        break;
      case 'resume':
        // The answers have no position: what was missed is still to come.
        if (message.subscriptions.every((each) => this.#subscribe(each, {}))) this.#resume(message);
        break;
      case 'ping':
        this.#send({ type: 'pong', server_time: new Date().toISOString(), ...this.#position() });
    }
  }

  /** Replaces a subscription with the same id. */
  #subscribe(
    { subscription_id: id, filters }: { subscription_id: string; filters: Filters },
    position: Position,
  ): boolean {
    const before = this.#filters.get(id);
    const { subscriptions, subscriptionsMax } = this.#parts;
    if (!before && this.#filters.size >= subscriptionsMax) {
      this.#complain('TOO_MANY_SUBSCRIPTIONS', `a client may have ${subscriptionsMax} subscriptions`, id);
      return false;
    }
    if (before) subscriptions.remove(this, id, before);
    this.#filters.set(id, filters);
    subscriptions.add(this, id, filters);
    this.#become('subscribed');
    this.#send({ type: 'subscribed', subscription_id: id, filters, ...position });
    return true;
  }

  #unsubscribe(id: string): void {
    const filters = this.#filters.get(id);
    if (!filters) {
      this.#complain('UNKNOWN_SUBSCRIPTION', `there is no subscription ${id}`, id);
      return;
    }
    this.#filters.delete(id);
    this.#parts.subscriptions.remove(this, id, filters);
    if (this.#filters.size === 0) this.#become('unsubscribed');
    this.#send({ type: 'unsubscribed', subscription_id: id });
  }

  #position(): Position {
    const { history } = this.#parts;
    const id = history.at((this.#behind?.at ?? history.next) - 1)?.event.id;
    return id === undefined ? {} : { last_event_id: id };
  }

  #resume({ last_event_id, since }: Resume): void {
    const { history } = this.#parts;
    if (since !== undefined) {
      const oldest = history.at(history.oldest);
      if (history.oldest > 0 && oldest && !happenedBefore(oldest.event, since)) {
        this.#send({ type: 'resync', reason: 'the history does not go back so far' });
      }
      this.#goOnAt(history.oldest, since);
      return;
    }
    const last = history.numberOf(last_event_id ?? '');
    if (last === undefined) this.#send({ type: 'resync', reason: 'the history does not hold that event' });
    else this.#goOnAt(last + 1);
  }

  /** `since`: of what is in the history by now, only what happened then or later. */
  #goOnAt(number: number, since?: string): void {
    this.#behind = { at: number, told: 0, waiting: false, since, newFrom: this.#parts.history.next };
    this.#catchUp();
  }

  #catchUp(): void {
    const behind = this.#behind;
    if (!behind || behind.waiting) return;
    const { history } = this.#parts;
    const wanted = [...this.#filters].map(([id, filters]) => ({ id, matches: matcherOf(filters) }));
    for (let looked = 0; behind.at < history.next; looked += 1) {
      if (!this.#client.hasRoom) return; // goes on when drained
      if (looked === BEHIND_AT_ONCE) {
        this.#catchUpLater(behind);
        return;
      }
      const delivery = history.at(behind.at);
      if (!delivery) {
        this.#behind = undefined;
        this.#send({ type: 'resync', reason: 'the history was overtaken by newer events' });
        return;
      }
      const { since, newFrom } = behind;
      const isLeftOut = since !== undefined && behind.at < newFrom && happenedBefore(delivery.event, since);
      behind.at += 1;
      if (isLeftOut) continue;
      const ids = wanted.filter(({ matches }) => matches(delivery.facts)).map(({ id }) => id);
      if (ids.length === 0) continue;
      behind.told += 1;
      this.#client.send(eventFrame(delivery, JSON.stringify(ids)));
      this.#active();
    }
    this.#behind = undefined;
    this.#send({ type: 'resumed', events: behind.told });
  }

  #catchUpLater(behind: { waiting: boolean }): void {
    behind.waiting = true;
    setImmediate(() => {
      behind.waiting = false;
      this.#catchUp();
    });
  }

  #complain(code: (typeof errorCodes)[number], message: string, atFault?: string): void {
    this.#send({ type: 'error', code, message, ...(atFault === undefined ? {} : { subscription_id: atFault }) });
  }

  #active(): void {
    this.#hadEvent = true;
    if (this.#state !== 'ACTIVE') this.#become('event');
  }

  #become(trigger: Trigger): void {
    this.#state = next(this.#state, trigger);
  }

  #end(left: () => void): void {
    this.#become('closed');
    this.#behind = undefined;
    for (const [id, filters] of this.#filters) this.#parts.subscriptions.remove(this, id, filters);
    this.#filters.clear();
    left();
  }
}

/** By its own time, which whoever told it has set. */
function happenedBefore({ time }: CloudEvent, since: string): boolean {
  return Date.parse(time) < Date.parse(since);
}
