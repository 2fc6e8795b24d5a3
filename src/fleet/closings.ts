/**
 * Closes connections on somebody's word. Only a gate that holds a stream of the hold door for one can do it: so a gate that
 * is asked closes what it holds itself, and asks the others through the store, at which each of them looks several times a
 * second.
 */

import type { Events } from '../admission/events.ts';
import type { LeaseId, PodId } from '../admission/ids.ts';
import type { Answer, LeaseStore } from '../admission/lease-store.ts';
import type { Holds } from '../admission/ledger/holds.ts';
import { within } from '../within.ts';

export interface Closed {
  readonly closed: boolean;
  /** Where it was not: what stood in the way. */
  readonly why?: string;
}

export interface ClosingParts {
  readonly store: LeaseStore;
  readonly holds: Holds;
  readonly events: Events;
}

const LOOK_MS = 250;
/** Envoy takes some milliseconds. */
const CLOSED_WITHIN_MS = 2000;
const POLL_MS = 100;

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
    const { store } = this.#parts;
    const here = this.#closeHere(pod, lease, reason);
    if (here) {
      if (!(await within(CLOSED_WITHIN_MS, here))) return done({ closed: false, why: NOT_ENDED });
      return done((await here) ? { closed: true } : { closed: false, why: BROKE });
    }
    const held = await store.expiries(pod, [lease]);
    if (!held.ok) return held;
    if (held.value[0] === undefined) return done({ closed: false, why: 'it holds no slot of this pod' });
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

  #closeHere(pod: PodId, lease: LeaseId, reason: string): Promise<boolean> | undefined {
    const closing = this.#parts.holds.close(pod, lease, reason);
    if (closing) this.#parts.events.emit('closing', pod, lease, reason);
    return closing;
  }

  /** What others have been asked to close. */
  async #look(): Promise<void> {
    const { holds, store } = this.#parts;
    if (this.#looking || !store.up || (holds.size === 0 && this.#sinceMs !== undefined)) return;
    this.#looking = true;
    const answer = await store.toClose(this.#sinceMs ?? 'now');
    this.#looking = false;
    if (!answer.ok) return;
    this.#sinceMs = answer.value.timeMs;
    for (const { pod, lease, reason } of answer.value.closings) void this.#closeHere(pod, lease, reason);
  }
}

function done<T>(value: T): Answer<T> {
  return { ok: true, value };
}
