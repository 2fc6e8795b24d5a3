/**
 * The contract of what carries events from each gate to all gates. `memory-broker.ts` and `redis-broker.ts` keep it;
 * `test/hub/broker.test.ts` holds both to it.
 */

import type { CloudEvent } from '../events/cloud-event.ts';

export interface BrokerEvents {
  /**
   * An event for the clients of this gate. It may come twice, with the same id. `live` is false for events from before
   * this gate started: they are history.
   */
  event(event: CloudEvent, json: string, live: boolean): void;
  /** Events of other gates are lost. */
  missed(): void;
  /** With a reason: from now on only this gate's events come. Undefined: all gates' events come, none is missing. */
  degraded(why: string | undefined): void;
}

export interface Broker {
  start(events: BrokerEvents): void;
  /** Never waits. This gate's clients are told at once; other gates are told later if they cannot be reached now. */
  publish(events: readonly CloudEvent[]): void;
  /** First tells other gates what waits for them, if it can. */
  stop(): Promise<void>;
  /** Ends at once. */
  close(): Promise<void>;
}
