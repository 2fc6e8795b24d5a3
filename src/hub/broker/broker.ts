/** Carries events from any gate to all of them. `memory-broker.ts` and `redis-broker.ts`; one suite holds both to this. */

import type { CloudEvent } from '../events/cloud-event.ts';

export interface BrokerEvents {
  /**
   * An event for the clients of this gate. One may come twice; its id tells. `live` is false for events from before this
   * gate began: they are history.
   */
  event(event: CloudEvent, json: string, live: boolean): void;
  /** Events of other gates are missing, and cannot be had any more. */
  missed(): void;
  /** With a reason: from now on only this gate's own events come. Undefined: the whole fleet's do, and nothing is missing. */
  degraded(why: string | undefined): void;
}

export interface Broker {
  start(events: BrokerEvents): void;
  /** Never waits. What other gates cannot be told now, they are told later; own clients are told at once. */
  publish(events: readonly CloudEvent[]): void;
  /** Tells others what they have still to be told, if it can. */
  stop(): Promise<void>;
  /** Ends at once. */
  close(): Promise<void>;
}
