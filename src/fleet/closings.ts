/**
 * Closes connections on somebody's word. Only a gate that holds a stream of the hold door for one can do it: so a gate that
 * is asked closes what it holds itself, and asks the others through the store, at which each of them looks several times a
 * second.
 */

import type { Events } from '../admission/events.ts';
import type { LeaseId, PodId } from '../admission/ids.ts';
import type { Answer, LeaseStore } from '../admission/lease-store.ts';
import type { Ledger } from '../admission/ledger/ledger.ts';
import { within } from '../within.ts';

export interface Closed {
  readonly closed: boolean;
  /** Where it was not: what stood in the way. */
  readonly why?: string;
}

export interface Released extends Closed {
  /** Whether there was a slot to free. */
  readonly released: boolean;
}

export interface ClosingParts {
  readonly store: LeaseStore;
  readonly ledger: Ledger;
  readonly events: Events;
}

const LOOK_MS = 250;
/** Envoy takes some milliseconds. */
const CLOSED_WITHIN_MS = 2000;
const POLL_MS = 100;

/** For Envoy's access log. */
const RELEASED = 'released_by_force';

const NO_SLOT = 'it holds no slot of this pod';
const NOT_HELD = 'no gate holds a stream for it: only the hold door (ext_proc) can close a connection';
const BROKE = 'its stream broke meanwhile: the connection may be open still';
const NOT_ENDED = `Envoy has not ended it within ${CLOSED_WITHIN_MS} ms`;

export class Closings {
  readonly #parts: ClosingParts;
  #sinceMs: number | undefined;
  #looking = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: ClosingParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    void this.#look();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** `reason`: for Envoy's access log. */
  async close(pod: PodId, lease: LeaseId, reason: string): Promise<Answer<Closed>> {
    const here = this.#closeMine(pod, lease, reason);
    if (here) return done(await here);
    const held = await this.#parts.store.expiries(pod, [lease]);
    if (!held.ok) return held;
    if (held.value[0] === undefined) return done({ closed: false, why: NO_SLOT });
    return this.#closeElsewhere(pod, lease, reason);
  }

  /**
   * Frees a slot by force. A connection for which a stream is held would take it again: it is closed. Any other is only
   * uncounted, and counts again when its proxy next tells of it.
   */
  async release(pod: PodId, lease: LeaseId): Promise<Answer<Released>> {
    const closed = await this.#closeIfHeld(pod, lease);
    if (!closed.ok) return closed;
    if (closed.value.closed) return done({ released: true, closed: true });
    const { store, ledger, events } = this.#parts;
    const answer = await store.release(pod, [lease], 0); // a lease that its proxy still holds comes back
    if (!answer.ok) return answer;
    if (answer.value === 0) return done({ released: false, closed: false, why: NO_SLOT });
    ledger.entries.drop(pod, lease);
    events.emit('released', pod, 'hook', 1);
    return done({ released: true, ...closed.value });
  }

  async #closeIfHeld(pod: PodId, lease: LeaseId): Promise<Answer<Closed>> {
    const here = this.#closeMine(pod, lease, RELEASED);
    if (here) return done(await here);
    const mayBeHeld = await this.#parts.store.mayBeHeld(pod, lease);
    if (!mayBeHeld.ok) return mayBeHeld;
    return mayBeHeld.value ? this.#closeElsewhere(pod, lease, RELEASED) : done({ closed: false, why: NOT_HELD });
  }

  async #closeElsewhere(pod: PodId, lease: LeaseId, reason: string): Promise<Answer<Closed>> {
    const { store } = this.#parts;
    const asked = await store.askToClose([{ pod, lease, reason }]);
    if (!asked.ok) return asked;
    const untilMs = performance.now() + CLOSED_WITHIN_MS;
    while (performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      const left = await store.expiries(pod, [lease]);
      if (left.ok && left.value[0] === undefined) return done({ closed: true });
    }
    return done({ closed: false, why: NOT_HELD });
  }

  /** Undefined where this gate holds no stream for it, or knows it at another pod. */
  #closeMine(pod: PodId, lease: LeaseId, reason: string): Promise<Closed> | undefined {
    return this.#parts.ledger.holds.podOf(lease) === pod ? this.#closeHere(pod, lease, reason) : undefined;
  }

  /** Undefined where this gate holds no stream for it. */
  #closeHere(pod: PodId, lease: LeaseId, reason: string): Promise<Closed> | undefined {
    const { ledger, events } = this.#parts;
    const closing = ledger.holds.close(lease, reason);
    if (!closing) return undefined;
    events.emit('closing', pod, lease, reason, ledger.holds.get(lease)?.client);
    return outcomeOf(closing);
  }

  /** What others have been asked to close. */
  async #look(): Promise<void> {
    const { ledger, store } = this.#parts;
    const { holds } = ledger;
    if (this.#looking || !store.up || (holds.size === 0 && this.#sinceMs !== undefined)) return;
    this.#looking = true;
    const answer = await store.toClose(this.#sinceMs ?? 'now');
    this.#looking = false;
    if (!answer.ok) return;
    this.#sinceMs = answer.value.timeMs;
    for (const { pod, lease, reason } of answer.value.closings) void this.#closeHere(pod, lease, reason);
  }
}

async function outcomeOf(closing: Promise<boolean>): Promise<Closed> {
  if (!(await within(CLOSED_WITHIN_MS, closing))) return { closed: false, why: NOT_ENDED };
  return (await closing) ? { closed: true } : { closed: false, why: BROKE };
}

function done<T>(value: T): Answer<T> {
  return { ok: true, value };
}
