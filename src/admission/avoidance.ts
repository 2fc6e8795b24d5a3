/** Pods of services that refuse connections: all gates avoid them for a while, because the store does. */

import type { Events } from './events.ts';
import type { PodId } from './ids.ts';
import type { LeaseStore } from './lease-store.ts';

export class Avoidance {
  readonly #store: LeaseStore;
  readonly #events: Events;
  /** Of which the store is being told. */
  readonly #telling = new Set<PodId>();

  constructor({ store, events }: { store: LeaseStore; events: Events }) {
    this.#store = store;
    this.#events = events;
  }

  /** The gate chose this pod, and it let the connection not in. */
  async refused(pod: PodId): Promise<void> {
    if (this.#telling.has(pod) || !this.#store.up) return;
    this.#telling.add(pod);
    const answer = await this.#store.avoid(pod);
    this.#telling.delete(pod);
    if (answer.ok && answer.value > 0) this.#events.emit('avoided', pod, answer.value);
  }
}
