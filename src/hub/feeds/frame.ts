/** Turns messages into bytes. */

import type { ServerMessage } from '../protocol.ts';
import type { Delivery } from './event-history.ts';
import type { Frame } from './outbox.ts';

export function frameOf(message: ServerMessage): Frame {
  return { data: Buffer.from(JSON.stringify(message)) };
}

/** `ids`: of the subscriptions that want the event, a list as JSON. */
export function eventFrame({ json, arrivedAtMs }: Delivery, ids: string): Frame {
  return { data: Buffer.from(`{"type":"event","subscription_ids":${ids},"event":${json}}`), arrivedAtMs };
}

/** For the console feed, which has no subscriptions. */
export function plainEventFrame({ json, arrivedAtMs }: Delivery): Frame {
  return { data: Buffer.from(`{"type":"event","event":${json}}`), arrivedAtMs };
}

/** Turns snapshots into messages; the newest is made once, however many clients get it. */
export class MetricsFrames {
  #json = '';
  #frame: Frame = { data: Buffer.alloc(0) };

  /** `json`: an object, not an empty one. */
  of(json: string): Frame {
    if (json !== this.#json) {
      this.#json = json;
      this.#frame = { data: Buffer.from(`{"type":"metrics",${json.slice(1)}`) };
    }
    return this.#frame;
  }
}
