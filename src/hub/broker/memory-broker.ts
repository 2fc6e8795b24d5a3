/** The broker of a gate without Redis: it tells its own clients. */

import type { CloudEvent } from '../events/cloud-event.ts';
import type { Broker, BrokerEvents } from './broker.ts';

export class MemoryBroker implements Broker {
  #events: BrokerEvents | undefined;

  start(events: BrokerEvents): void {
    this.#events = events;
    events.degraded(undefined);
  }

  publish(events: readonly CloudEvent[]): void {
    for (const event of events) this.#events?.event(event, JSON.stringify(event), true);
  }

  async stop(): Promise<void> {
    this.#events = undefined;
  }

  async close(): Promise<void> {}
}
