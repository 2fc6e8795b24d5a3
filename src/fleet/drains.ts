/**
 * Drains: a cordoned pod of which the connections are closed, so many a second. No gate is in charge of one. Its state is
 * part of the cordon in the store; every gate looks at it, and the one that is first to write that it sees to it (`nextMs`)
 * asks for the closings of the next seconds, each with its time. They are in the store, too, and the gates that hold the
 * streams carry them out. So whichever gate dies, the others go on.
 *
 * It is done when no connection is left of which a stream was ever held, or when asking for all of those closed none: the
 * gates that held them are gone. Those that asked to open just before the cordon get the time to.
 */

import type { LeaseId, PodId } from '../admission/ids.ts';
import type { LeaseStore } from '../admission/lease-store.ts';
import type { AuditNote, Decision, Drain, Override } from '../admission/override.ts';
import type { Overrides } from '../admission/overrides.ts';
import { closeAtPace, readHeld } from './held-leases.ts';

/** For Envoy's access log. */
export const DRAIN_REASON = 'drain';

const LOOK_MS = 500;
/** A gate asks for the closings of so long at a time. */
const AHEAD_MS = 10_000;
/** Envoy has closed what it was asked to, and the store has been told. */
const SETTLED_MS = 1500;
/** A gate that has not asked by then is dead. */
const ASKED_MS = 5000;
/** An upgrade that was admitted before the cordon is held by then, or is none. */
const OPENED_MS = 5000;

interface DrainsParts {
  readonly store: LeaseStore;
  readonly overrides: Overrides;
}

interface Draining {
  readonly override: Override;
  readonly decision: Decision;
  readonly drain: Drain;
}

export class Drains {
  readonly #parts: DrainsParts;
  readonly #seeingTo = new Set<PodId>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: DrainsParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Sees to all drains that are due, unless another gate does. */
  look(): void {
    const { overrides } = this.#parts;
    for (const override of overrides.all()) {
      const { pod, decision } = override;
      const drain = decision?.drain;
      if (!drain || drain.doneMs !== undefined || !isDue(drain, overrides.timeMs) || this.#seeingTo.has(pod)) continue;
      this.#seeingTo.add(pod);
      void this.#seeTo({ override, decision, drain }).finally(() => this.#seeingTo.delete(pod));
    }
  }

  async #seeTo(draining: Draining): Promise<void> {
    const { store, overrides } = this.#parts;
    const { override, drain } = draining;
    const { pod, atMs } = override;
    const mine = await this.#write(draining, { ...drain, nextMs: overrides.timeMs + ASKED_MS });
    if (!mine) return;
    const found = await readHeld(store, pod);
    if (!found.ok) return;
    const { held, unheld } = found.value;
    const left = held.length + unheld;
    const mayOpen = unheld > 0 && overrides.timeMs < atMs + OPENED_MS;
    const noneClosed = drain.asked > 0 && left >= (drain.left ?? Number.POSITIVE_INFINITY);
    if ((held.length === 0 && !mayOpen) || noneClosed) {
      const { by } = draining.decision;
      const note = { action: 'pod.drained', by, pod, asked: drain.asked, left } as const;
      await this.#write(mine, { ...drain, left, doneMs: overrides.timeMs }, note);
      return;
    }
    const some = shuffled(held).slice(0, Math.ceil((drain.rate * AHEAD_MS) / 1000));
    const closing = some.map((lease) => ({ pod, lease }));
    if (!(await closeAtPace(store, closing, drain.rate, DRAIN_REASON)).ok) return;
    const nextMs = overrides.timeMs + (some.length * 1000) / drain.rate + SETTLED_MS;
    await this.#write(mine, { ...drain, asked: drain.asked + some.length, left, nextMs });
  }

  /** Undefined where another gate, or somebody, was first. */
  async #write({ override, decision }: Draining, drain: Drain, note?: AuditNote): Promise<Draining | undefined> {
    const { kind, pod, version } = override;
    const changed = { ...decision, drain };
    const change = { kind, pod, decision: changed, replaces: version, ...(note ? { note } : {}) };
    const answer = await this.#parts.overrides.change(change);
    const written =
      answer.ok && answer.value.outcome === 'done' && answer.value.ofPod.find((each) => each.kind === kind);
    return written ? { override: written, decision: changed, drain } : undefined;
  }
}

/** No gate sees to it for longer: the store's clock was set back. */
function isDue({ nextMs }: Drain, nowMs: number): boolean {
  return nextMs <= nowMs || nextMs > nowMs + 2 * AHEAD_MS;
}

/** Those that cannot be closed any more, because the gate that held them is gone, are not asked first each time. */
function shuffled(leases: readonly LeaseId[]): LeaseId[] {
  const turns = leases.map((lease) => ({ lease, turn: Math.random() }));
  return turns.sort((a, b) => a.turn - b.turn).map(({ lease }) => lease);
}
