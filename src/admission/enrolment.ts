/**
 * Tells the store which pods each service has: when it comes back, when they change, and when it says that it does not
 * know. What the store could not be told is told again. Of a service whose pods it does not know itself, a gate says nothing.
 *
 * Gates may differ: while a configuration is rolled out, or because one of them was forgotten. The store has one list of
 * each service's pods, and that is the one to which a gate has changed last. So a change takes effect with the first gate
 * that has it, and a gate with an old list does not bring that back, however often it comes or tells. Each looks now and
 * then: whose list is another one says so, and when the last gate that had the new list is gone, the others' counts again.
 */

import { createHash } from 'node:crypto';
import type { Events } from './events.ts';
import type { PodId, ServiceId } from './ids.ts';
import type { Answer, LeaseStore } from './lease-store.ts';
import type { ListsDiffer } from './lists-differ.ts';
import type { Services } from './services.ts';

const AGAIN_MS = 1000;
/** So often each gate tells its lists again, and after so long without it they are forgotten. */
const LOOK_MS = 10_000;
const FORGET_MS = 60_000;
/** Gates read the same source at different moments: a list that differs is told when it does so still. */
const SETTLE_MS = 5000;

interface EnrolmentParts {
  readonly store: LeaseStore;
  readonly services: Services;
  readonly events: Events;
}

export class Enrolment {
  readonly #parts: EnrolmentParts;
  readonly #gate: string;
  /** On its way. */
  readonly #telling = new Map<ServiceId, Promise<void>>();
  readonly #again = new Map<ServiceId, NodeJS.Timeout>();
  /** Services of which this gate has another list than the one that counts, and what was told of it; '' before that. */
  readonly #differing = new Map<ServiceId, string>();
  readonly #looks: NodeJS.Timeout;

  constructor(parts: EnrolmentParts, { gate }: { readonly gate: string }) {
    this.#parts = parts;
    this.#gate = gate;
    parts.events.on('standingChanged', (state) => state !== 'away' && this.tellAll());
    this.#looks = setInterval(() => parts.store.up && this.tellAll(), LOOK_MS).unref();
  }

  /** Of which this gate has another list than the one that counts. */
  get differing(): Iterable<ServiceId> {
    return [...this.#differing].filter(([, told]) => told !== '').map(([service]) => service);
  }

  tellAll(): void {
    for (const service of this.#parts.services.names()) void this.tell(service);
  }

  /** Resolves when the store has been told, or could not be. `isUnknown`: it has just said that it knows no pods. */
  tell(service: ServiceId, isUnknown = false): Promise<void> {
    const telling =
      this.#telling.get(service) ?? this.#tell(service, isUnknown).finally(() => this.#telling.delete(service));
    this.#telling.set(service, telling);
    return telling;
  }

  stop(): void {
    clearInterval(this.#looks);
    for (const timer of this.#again.values()) clearTimeout(timer);
  }

  async #tell(service: ServiceId, isUnknown: boolean): Promise<void> {
    const { store, services } = this.#parts;
    clearTimeout(this.#again.get(service));
    if (!services.isTold(service)) return;
    const { version } = services;
    const answer = await this.#enrol(service, isUnknown);
    if (!answer.ok || version !== services.version) {
      if (store.up) this.#tellAgain(service, answer.ok ? 0 : AGAIN_MS);
    } else if (this.#differing.get(service) === '') this.#tellAgain(service, SETTLE_MS);
    else this.#again.delete(service);
  }

  #tellAgain(service: ServiceId, inMs: number): void {
    this.#again.set(service, setTimeout(() => void this.tell(service), inMs).unref());
  }

  async #enrol(service: ServiceId, isUnknown: boolean): Promise<Answer<unknown>> {
    const { store, services } = this.#parts;
    const [pods, order] = [services.pods(service), services.order(service)];
    const sorted = (entries: Iterable<readonly [PodId, unknown]>) => [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
    const told = [sorted(pods), order.softLimit, sorted(order.zones ?? [])];
    const list = createHash('sha256').update(JSON.stringify(told)).digest('base64url');
    const listed = await store.listed(service, this.#gate, list, FORGET_MS);
    if (!listed.ok) return listed;
    const { counts, isEnrolled, by } = listed.value;
    if (!counts) await this.#compare(service, by, pods);
    else this.#agree(service);
    if (!isUnknown && (!counts || isEnrolled)) return listed;
    const answer = await store.enrol(service, pods, order, counts ? list : '');
    if (answer.ok) {
      for (const pod of answer.value.joined) this.#parts.events.emit('joined', pod);
      for (const pod of answer.value.left) this.#parts.events.emit('left', pod);
    }
    return answer;
  }

  #agree(service: ServiceId): void {
    if (this.#differing.get(service)) this.#parts.events.emit('listsDiffer', service, undefined);
    this.#differing.delete(service);
  }

  async #compare(service: ServiceId, by: string, pods: ReadonlyMap<PodId, number>): Promise<void> {
    const { events, store } = this.#parts;
    if (!this.#differing.has(service)) {
      this.#differing.set(service, '');
      return;
    }
    const enrolled = await store.enrolled(service);
    if (!enrolled.ok) return;
    const there = enrolled.value;
    const differ: ListsDiffer = {
      by,
      onlyHere: [...pods.keys()].filter((pod) => !there.has(pod)),
      onlyThere: [...there.keys()].filter((pod) => !pods.has(pod)),
      limits: [...pods].filter(([pod, limit]) => (there.get(pod) ?? limit) !== limit).map(([pod]) => pod),
    };
    const told = JSON.stringify(differ);
    if (this.#differing.get(service) === told) return;
    this.#differing.set(service, told);
    events.emit('listsDiffer', service, differ);
  }
}
