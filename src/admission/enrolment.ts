/**
 * Tells the store which pods each service has: when it comes back, when they change, and when it says that it does not
 * know. What the store could not be told is told again. Of a service whose pods it does not know itself, a gate says nothing.
 */

import type { Events } from './events.ts';
import type { ServiceId } from './ids.ts';
import type { LeaseStore } from './lease-store.ts';
import type { Services } from './services.ts';

const AGAIN_MS = 1000;

interface EnrolmentParts {
  readonly store: LeaseStore;
  readonly services: Services;
  readonly events: Events;
}

export class Enrolment {
  readonly #parts: EnrolmentParts;
  /** On its way. */
  readonly #telling = new Map<ServiceId, Promise<void>>();
  readonly #again = new Map<ServiceId, NodeJS.Timeout>();

  constructor(parts: EnrolmentParts) {
    this.#parts = parts;
    parts.events.on('standingChanged', (state) => state !== 'away' && this.tellAll());
  }

  tellAll(): void {
    for (const service of this.#parts.services.names()) void this.tell(service);
  }

  /** Resolves when the store has been told, or could not be. */
  tell(service: ServiceId): Promise<void> {
    const telling = this.#telling.get(service) ?? this.#tell(service).finally(() => this.#telling.delete(service));
    this.#telling.set(service, telling);
    return telling;
  }

  stop(): void {
    for (const timer of this.#again.values()) clearTimeout(timer);
  }

  async #tell(service: ServiceId): Promise<void> {
    const { store, services } = this.#parts;
    clearTimeout(this.#again.get(service));
    if (!services.isTold(service)) return;
    const { version } = services;
    const answer = await store.enrol(service, services.pods(service), services.order(service));
    if (answer.ok && version === services.version) this.#again.delete(service);
    else if (store.up) this.#again.set(service, setTimeout(() => void this.tell(service), AGAIN_MS).unref());
  }
}
