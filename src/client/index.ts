/**
 * `wsgate/client` reads a gate's events, in a browser or in Node. It reconnects by itself, subscribes again and goes on
 * after the last event that it was sent; losses are told. `docs/hub.md` has an example. No module of Node's.
 */

import type { z } from 'zod';
import type { CloudEvent } from '../hub/events/cloud-event.ts';
import type { clientMessage, filters, ServerMessage } from '../hub/protocol.ts';
import { EventQueue, type Item, SubscriptionRefused } from './event-queue.ts';
import { ReconnectingSocket, type SocketOptions, type Status } from './reconnecting-socket.ts';

export type { Connection };
export { type CloudEvent, type Item, ReconnectingSocket, type SocketOptions, type Status, SubscriptionRefused };
/** A filter that is left out wants all. */
export type Filters = z.input<typeof filters>;
/** For one reader, with `for await`. After `close`, what waits can still be read. Leaving the loop closes it, too. */
export type Subscription = Pick<EventQueue, typeof Symbol.asyncIterator | 'close'>;

export interface ConnectOptions extends SocketOptions {
  /** Maximum number of items that wait for a subscription's reader; 1,000 unless told. Hundreds may come at once. */
  readonly bufferMax?: number;
  /** From when on events are told that happened before, as far as the gate's history goes back. Without it, none are. */
  readonly since?: Date;
  /** The id of an event: the first subscriptions go on after it. Left out, events come from now on. */
  readonly after?: string;
  /** Called when the gate cannot reach the others, so that only its own events come; and when all come again. */
  readonly onDegraded?: (degraded: boolean, reason: string) => void;
}

interface Subscribed {
  readonly queue: EventQueue;
  readonly wanted: { readonly subscription_id: string; readonly filters: Filters };
  /** Whether a gate has ever accepted it, or it goes on after an event: then its reader is told of every loss. */
  taken: boolean;
}

/** Throws a TypeError when `options.url` is none. */
export function connect(options: ConnectOptions): Connection {
  return new Connection(options);
}

class Connection {
  readonly #socket: ReconnectingSocket<ServerMessage>;
  readonly #bufferMax: number;
  readonly #onDegraded: ConnectOptions['onDegraded'];
  readonly #since: string | undefined;
  readonly #subscriptions = new Map<string, Subscribed>();
  #made = 0;
  #welcomed = false;
  /** Until a gate has first welcomed it. */
  #isFirst = true;
  #degraded = false;
  #lastEventId: string | undefined;

  constructor(options: ConnectOptions) {
    this.#bufferMax = options.bufferMax ?? 1000;
    this.#onDegraded = options.onDegraded;
    this.#since = options.since?.toISOString();
    this.#lastEventId = options.after;
    this.#socket = new ReconnectingSocket(options, {
      message: (message) => this.#read(message),
      lost: () => {
        this.#welcomed = false;
      },
    });
  }

  get state(): Status['state'] {
    return this.#socket.status.state;
  }

  /** In any state. Events come from now on, or a little earlier. */
  subscribe(filters: Filters = {}): Subscription {
    this.#made += 1;
    const id = `s${this.#made}`;
    const queue = new EventQueue(this.#bufferMax, () => this.#leave(id));
    if (this.state === 'closed') {
      queue.close();
      return queue;
    }
    const subscribed = {
      queue,
      wanted: { subscription_id: id, filters },
      taken: this.#isFirst && this.#lastEventId !== undefined,
    };
    this.#subscriptions.set(id, subscribed);
    if (this.#welcomed) this.#ask(subscribed);
    return queue;
  }

  /** Closes all subscriptions, too. */
  close(): void {
    this.#socket.close();
    for (const { queue } of this.#subscriptions.values()) queue.close();
  }

  #read(message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
        this.#begin(message.degraded);
        break;
      case 'subscribed': {
        const subscribed = this.#subscriptions.get(message.subscription_id);
        if (subscribed) subscribed.taken = true;
        this.#lastEventId = message.last_event_id ?? this.#lastEventId;
        break;
      }
      case 'error':
        this.#refused(message.subscription_id, new SubscriptionRefused(message.code, message.message));
        break;
      case 'event': {
        this.#lastEventId = message.event.id;
        for (const id of message.subscription_ids) {
          this.#subscriptions.get(id)?.queue.push({ kind: 'event', event: message.event });
        }
        break;
      }
      case 'lagged':
        this.#tell(this.#subscriptions.values(), { kind: 'lagged', missed: message.missed });
        break;
      case 'resync':
        this.#tell(this.#subscriptions.values(), { kind: 'resync', reason: message.reason });
        break;
      case 'pong': // it may want few of the events, and those after the last one be forgotten
        this.#lastEventId = message.last_event_id ?? this.#lastEventId;
        break;
      case 'degraded':
        this.#become(message.degraded, message.reason);
    }
  }

  #begin(degraded: boolean): void {
    this.#welcomed = true;
    const all = [...this.#subscriptions.values()];
    const again = all.filter(({ taken }) => taken);
    if (this.#lastEventId === undefined && this.#since !== undefined) {
      this.#become(degraded, '');
      this.#resume(all, { since: this.#since });
      return;
    }
    if (this.#lastEventId === undefined) {
      this.#tell(again, { kind: 'resync', reason: 'the connection was lost before the first event' });
    } else if (!this.#isFirst && (degraded || this.#degraded)) {
      // Gates that cannot reach each other have events in orders of their own: what is "after the last one" may differ.
      this.#tell(again, { kind: 'resync', reason: 'the connection was lost while gates could not reach each other' });
    }
    this.#isFirst = false;
    this.#become(degraded, '');
    const resumed = this.#lastEventId === undefined ? [] : again;
    if (this.#lastEventId !== undefined) this.#resume(resumed, { last_event_id: this.#lastEventId });
    for (const each of all) if (!resumed.includes(each)) this.#ask(each);
  }

  #resume(those: readonly Subscribed[], from: { last_event_id: string } | { since: string }): void {
    const subscriptions = those.map(({ wanted }) => wanted);
    if (subscriptions.length > 0) this.#send({ type: 'resume', ...from, subscriptions });
  }

  #ask({ wanted }: Subscribed): void {
    this.#send({ type: 'subscribe', ...wanted });
  }

  #refused(id: string | undefined, error: SubscriptionRefused): void {
    const refused = id === undefined ? undefined : this.#subscriptions.get(id);
    refused?.queue.end(error);
    // This gate is stricter than the last one: it refused a `resume`, and with it all the other subscriptions.
    if (refused?.taken) this.#socket.lose(error.message);
  }

  #leave(id: string): void {
    this.#subscriptions.delete(id);
    if (this.#welcomed) this.#send({ type: 'unsubscribe', subscription_id: id });
  }

  #become(degraded: boolean, reason: string): void {
    if (degraded !== this.#degraded) this.#onDegraded?.(degraded, reason);
    this.#degraded = degraded;
  }

  #tell(those: Iterable<Subscribed>, item: Item): void {
    for (const { queue } of those) queue.push(item);
  }

  #send(message: z.input<typeof clientMessage>): void {
    this.#socket.send(message);
  }
}
