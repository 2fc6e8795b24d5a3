/**
 * Upgrades for services whose pods are all full, which wait for a slot that frees (`services.<name>.wait`).
 *
 * At one gate the first that came gets the first slot: as long as one waits, later ones get in line, and the store is asked
 * for those at the head only. Among gates nothing is promised: a slot goes to the gate that asks first.
 *
 * The store is asked when this gate has released leases of the service, for as many; and now and then, because others free
 * slots, too. Whatever waits, that is about two questions a second for each service and gate.
 */

import type { Events } from './events.ts';
import { type ServiceId, serviceOf } from './ids.ts';
import type { PlacedUpgrade, Verdict } from './verdict.ts';

/** At one gate, of all services. Each takes about as much memory as its Check. */
const WAITING_MAX = 10_000;
/** Two thirds to four thirds of it pass between two questions. */
const POLL_MS = 500;
/** No more at once. */
const ASKED_MAX = 100;
/** Before the asker stops to listen, it gets its answer. */
const MARGIN_MS = 100;

/** Undefined: there is no room still. */
type Ask = (upgrade: PlacedUpgrade) => Promise<Verdict | undefined>;

interface Waiting {
  readonly upgrade: PlacedUpgrade;
  readonly end: (verdict?: Verdict) => void;
  /** The store is being asked for it. */
  isAsked: boolean;
  /** It waits no longer than for that answer, which may have given it a slot. */
  isOver: boolean;
}

interface Line {
  /** In the order in which they came. */
  readonly waiting: Map<PlacedUpgrade, Waiting>;
  poll: NodeJS.Timeout | undefined;
  isAsking: boolean;
  /** For how many the store is to be asked next. */
  more: number;
}

export class WaitingRoom {
  readonly #events: Events;
  readonly #ask: Ask;
  readonly #max: number;
  readonly #lines = new Map<ServiceId, Line>();
  readonly #told = new Set<ServiceId>();
  #waiting = 0;
  #stopped = false;

  constructor(events: Events, ask: Ask, max = WAITING_MAX) {
    this.#max = max;
    this.#events = events;
    this.#ask = ask;
    events.on('released', (where, _, count) => {
      const service = serviceOf(where);
      if (service) this.#askFor(service, count);
    });
  }

  get size(): number {
    return this.#waiting;
  }

  hasLine(service: ServiceId): boolean {
    return this.#lines.has(service);
  }

  /**
   * Resolves when it has a verdict; with undefined when its time is up, when it left, or when it cannot wait.
   * `withinMs`: for so long its asker listens.
   */
  async wait(upgrade: PlacedUpgrade, waitMs: number, withinMs: number): Promise<Verdict | undefined> {
    const { service } = upgrade;
    const allowedMs = Math.min(waitMs, withinMs - MARGIN_MS);
    if (allowedMs < waitMs && !this.#told.has(service)) {
      this.#told.add(service);
      this.#events.emit('waitCut', service, waitMs, Math.max(0, Math.round(allowedMs)));
    }
    if (this.#stopped || allowedMs <= 0) return undefined;
    if (this.#waiting >= this.#max) {
      this.#events.emit('boundReached', 'services.wait');
      return undefined;
    }
    const line = this.#lineOf(service);
    this.#waiting += 1;
    const { promise, resolve } = Promise.withResolvers<Verdict | undefined>();
    const waiting = { upgrade, end: (verdict?: Verdict) => resolve(verdict), isAsked: false, isOver: false };
    line.waiting.set(upgrade, waiting);
    const timer = setTimeout(() => giveUp(waiting), allowedMs);
    const verdict = await promise;
    clearTimeout(timer);
    this.#waiting -= 1;
    line.waiting.delete(upgrade);
    if (line.waiting.size === 0) this.#close(service, line);
    return verdict;
  }

  /** Its asker has left. */
  leave(upgrade: PlacedUpgrade): void {
    const waiting = this.#lines.get(upgrade.service)?.waiting.get(upgrade);
    if (waiting) giveUp(waiting);
  }

  /** From now on nobody waits. */
  stop(): void {
    this.#stopped = true;
    for (const { waiting } of this.#lines.values()) waiting.forEach(giveUp);
  }

  #lineOf(service: ServiceId): Line {
    const known = this.#lines.get(service);
    if (known) return known;
    const line: Line = { waiting: new Map(), poll: undefined, isAsking: false, more: 0 };
    this.#lines.set(service, line);
    this.#pollLater(service, line);
    return line;
  }

  #close(service: ServiceId, line: Line): void {
    clearTimeout(line.poll);
    if (this.#lines.get(service) === line) this.#lines.delete(service);
  }

  #pollLater(service: ServiceId, line: Line): void {
    const pause = POLL_MS * (2 / 3 + (2 / 3) * Math.random());
    line.poll = setTimeout(() => {
      this.#askFor(service, 1);
      this.#pollLater(service, line);
    }, pause);
  }

  #askFor(service: ServiceId, count: number): void {
    const line = this.#lines.get(service);
    if (!line) return;
    line.more = Math.min(line.more + count, ASKED_MAX);
    if (!line.isAsking) void this.#askInTurn(line);
  }

  async #askInTurn(line: Line): Promise<void> {
    line.isAsking = true;
    while (line.more > 0 && line.waiting.size > 0) {
      const heads = [...line.waiting.values()].filter(({ isOver }) => !isOver).slice(0, line.more);
      line.more = 0;
      const gotIn = await Promise.all(heads.map((waiting) => this.#askOnce(line, waiting)));
      const all = heads.length > 0 && gotIn.every(Boolean);
      if (all) line.more = Math.min(line.more + 2 * heads.length, ASKED_MAX); // there may be more slots
    }
    line.more = 0;
    line.isAsking = false;
  }

  /** Resolves with whether it has a verdict. */
  async #askOnce(line: Line, waiting: Waiting): Promise<boolean> {
    waiting.isAsked = true;
    const verdict = await this.#ask(waiting.upgrade);
    waiting.isAsked = false;
    if (verdict) line.waiting.delete(waiting.upgrade); // before the next are asked for
    if (verdict || waiting.isOver) waiting.end(verdict);
    return verdict !== undefined;
  }
}

function giveUp(waiting: Waiting): void {
  waiting.isOver = true;
  if (!waiting.isAsked) waiting.end();
}
