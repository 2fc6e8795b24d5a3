/**
 * What a gate may believe of its store, and so what it may do. This is the one place that knows; all else asks it.
 *
 * - `away`: the store does not answer. Upgrades are decided without it (`outage.ts`); what is heard is kept.
 * - `catching up`: it answers, but does not know all that went on without it. This gate has still to write down what it
 *   knows, or another gate that was there before has. Decided as while it is away.
 * - `recovering`: it may have lost leases, or what a gate knew that never came back. Every gate has written down what it
 *   knows, and Envoys get the time to speak of the rest: a flush interval, and some more. Decided as while it is away.
 * - `synced`: its counts are the truth, as far as anybody can tell. Only now is it asked.
 *
 * Whatever the state, a link that breaks leads to `away`, and a store that has lost leases to `recovering`. The way back
 * to `synced` leads through `catching up`, or through `recovering` where something may be missing.
 *
 * Each time that the store is away, and each loss, begins another epoch. What is asked in one epoch and answered in
 * another changes nothing here: the answer may be that of a store that is not there any more.
 *
 * **Catching up.** While the store was away, each gate may have admitted alone. One that trusts the counts before all the
 * others have written theirs would admit again in their places. So it waits for every gate that was there when it last
 * trusted the store: each says with its heartbeats whether it has told all that it knows. One that does not come back
 * within `awaitMs` has died with what it knew, and its proxies have to speak of it to others: `recovering`. Where nobody
 * is admitted without the store (`outage.policy: deny`), nobody has to be waited for.
 *
 * A gate that is new knows of no others. It trusts a store that it finds at once when the other gates do. One that found
 * its store away waits as if it had been there before the outage.
 *
 * **Recovering.** The store tells when its incarnation began, for how many earlier gates it still waits, and when the
 * last of them came back. Recovery lasts for `recoveryMs` from then on. Where the store goes away again before all are back,
 * each gate that waited waits anew, as after any outage. All times of the store are taken once, as a length
 * of time, and then run on this process's own clock: a clock that is set forward or back changes nothing.
 */

import type { Events, State } from './events.ts';
import type { AfterOutage, HeartbeatReply, KnownBefore } from './lease-store.ts';

const NEXT: Readonly<Record<State, readonly State[]>> = {
  away: ['catching up'],
  'catching up': ['away', 'recovering', 'synced'],
  recovering: ['away', 'catching up', 'synced'],
  synced: ['away', 'catching up'],
};

export interface StandingOptions {
  /** 0: there can be no connections from before. */
  readonly recoveryMs: number;
  readonly ttlMs: number;
  /** Whether gates admit anybody without the store's word: then each waits for what the others did. */
  readonly admitsAlone: boolean;
  /** Whether the store answers at the start. */
  readonly up: boolean;
  /** A gate is silent after so long. */
  readonly gateSilentMs: number;
}

/** When a gate starts, a store that has not answered within this time is away. */
const AT_ONCE_MS = 2000;

export class Standing {
  readonly #options: StandingOptions;
  readonly #awaitMs: number;
  readonly #events: Events;
  readonly #startedAtMs = performance.now();
  #state: State;
  #epoch = 0;
  /** The epoch in which the store was last told all that this gate knows. */
  #writtenEpoch: number;
  /** The epoch that began with the last loss. */
  #lossEpoch = 0;
  /** The epoch in which a heartbeat was last answered. */
  #heardEpoch = -1;
  #incarnationMs: number | undefined;
  /** By this process's clock: until then the store may lack leases. */
  #recoveredAtMs = 0;
  /** What `#recoveredAtMs` was worked out from. */
  #recoveryOf = '';
  #gates = 0;
  #gatesAtMs = 0;
  #gatesAwaited = 0;
  /** Store time, ms: the last heartbeat that was answered while the counts were trusted. */
  #trustedAtMs: number | undefined;
  #foundAway = false;
  /** Store time, ms, at which the store was first heard in this epoch. */
  #backAtMs: number | undefined;
  /** By this process's clock: since when it waits for others that are behind, or doubt. */
  #waitingSinceMs: number | undefined;
  #waitsForOthers = false;
  /** How many gates the store last waited for that lost leases. */
  #awaitedOfLoss = 0;
  /** The store went away again before they were back: its clock ran on, and none of them could come. */
  #interrupted = false;
  /** It has given up waiting for gates that were there before: since when, by this process's clock, and how many there were. */
  #missing: { readonly sinceMs: number; readonly of: number } | undefined;

  constructor(options: StandingOptions, events: Events) {
    this.#options = options;
    const { recoveryMs, ttlMs } = options;
    this.#awaitMs = recoveryMs === 0 ? 0 : Math.max(recoveryMs, ttlMs);
    this.#events = events;
    this.#state = options.up ? 'catching up' : 'away';
    this.#writtenEpoch = options.up ? 0 : -1; // a new gate knows nothing
    events.on('storeChanged', (up) => (up ? this.#back() : this.#away()));
  }

  get state(): State {
    this.#advance();
    return this.#state;
  }

  /** Whether the store is to be asked. */
  get synced(): boolean {
    return this.state === 'synced';
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Whether the store has been told all that this gate knows, since this epoch began. */
  get told(): boolean {
    return this.#writtenEpoch === this.#epoch;
  }

  /** Whether the store may have lost leases since it was last told all that this gate knows. */
  get lost(): boolean {
    return this.#writtenEpoch < this.#lossEpoch;
  }

  /** Whether the store has ever answered. */
  get met(): boolean {
    return this.#incarnationMs !== undefined;
  }

  /** How long it recovers still; `recoveryMs` while that is not known. */
  get recoveryLeftMs(): number {
    if (this.#heardEpoch !== this.#epoch) return this.#options.recoveryMs;
    return Math.max(0, Math.ceil(this.#recoveredAtMs - performance.now()));
  }

  /**
   * How many gates there are, this one included; 0 when nothing is known. The most of the last ttl: one that is cut off,
   * or that comes back later than the others after an outage, still has its proxies.
   */
  get gates(): number {
    return this.#gates;
  }

  /** Gates that have not come back, to a store that lost leases or was away. */
  get gatesAwaited(): number {
    return this.#gatesAwaited;
  }

  /** How long ago it gave up waiting for gates that were there before: they may hear proxies, and not the store. */
  get missingForMs(): number {
    return this.#missing ? performance.now() - this.#missing.sinceMs : Number.POSITIVE_INFINITY;
  }

  /** For the next heartbeat. */
  get before(): KnownBefore {
    return { gates: this.#gates, incarnationMs: this.#incarnationMs ?? 0, awaitMs: this.#awaitMs };
  }

  /** For the next heartbeat. */
  get outage(): AfterOutage {
    return {
      told: this.told,
      trusts: this.synced || (this.#trustedAtMs === undefined && !this.#foundAway),
      sinceMs: this.#backAtMs ?? 'now',
      thereMs: this.#thereMs,
    };
  }

  /** The store has been told all that this gate knew when that epoch began, and since. */
  written(epoch: number): void {
    if (epoch !== this.#epoch || this.#state === 'away') return;
    this.#writtenEpoch = epoch;
    this.#advance();
  }

  /** A heartbeat that was sent in that epoch has been answered. */
  heard(answer: HeartbeatReply, epoch: number): void {
    if (epoch !== this.#epoch || this.#state === 'away') return;
    const { timeMs, incarnationMs, gates } = answer;
    if (incarnationMs !== this.#incarnationMs) this.#lost(answer);
    this.#heardEpoch = this.#epoch;
    if (this.#missing && gates >= this.#missing.of) this.#missing = undefined;
    this.#recover(answer);
    this.#waitForOthers(answer);
    this.#advance();
    this.#count(gates);
    if (this.#state === 'synced') this.#trustedAtMs = timeMs;
  }

  #away(): void {
    this.#epoch += 1;
    this.#backAtMs = undefined;
    this.#waitingSinceMs = undefined;
    if (this.#awaitedOfLoss > 0) this.#interrupted = true;
    if (!this.met) this.#foundAway = true;
    this.#become('away');
  }

  #back(): void {
    this.#gatesAtMs = performance.now(); // during an outage nobody could see who is there
    if (!this.met && performance.now() - this.#startedAtMs > AT_ONCE_MS) this.#foundAway = true;
    this.#become('catching up');
  }

  #lost({ incarnationMs }: HeartbeatReply): void {
    if (this.met) this.#epoch += 1;
    this.#lossEpoch = this.#epoch;
    this.#incarnationMs = incarnationMs;
    this.#recoveryOf = '';
    this.#become('catching up');
  }

  #recover({ timeMs, incarnationMs, gatesAwaited, gatesBackMs }: HeartbeatReply): void {
    const { recoveryMs } = this.#options;
    const of = `${this.#epoch} ${incarnationMs} ${gatesBackMs} ${gatesAwaited}`;
    const isLate = timeMs >= incarnationMs + this.#awaitMs;
    if (this.#awaitedOfLoss > 0 && gatesAwaited === 0 && isLate) this.#gaveUp();
    this.#awaitedOfLoss = gatesAwaited;
    this.#gatesAwaited = gatesAwaited;
    if (of === this.#recoveryOf) return;
    const isNews = this.#recoveryOf === '';
    this.#recoveryOf = of;
    const speakingMs = clamp(gatesBackMs + recoveryMs - timeMs, recoveryMs);
    const awaitingMs = gatesAwaited > 0 ? clamp(incarnationMs + this.#awaitMs - timeMs, this.#awaitMs) : 0;
    const leftMs = Math.max(speakingMs, awaitingMs);
    this.#recoveredAtMs = performance.now() + leftMs;
    if (isNews) this.#events.emit('storeLost', leftMs);
  }

  #waitForOthers({ timeMs, gates, gatesBehind, gatesDoubting }: HeartbeatReply): void {
    this.#backAtMs ??= timeMs;
    const behind = this.#isNew ? gatesDoubting : gatesBehind;
    const missing = this.#interrupted ? this.#gates - gates : 0;
    const others = Math.max(missing, this.#options.admitsAlone ? behind : 0);
    this.#waitsForOthers = this.#state !== 'synced' && others > 0;
    const nowMs = performance.now();
    if (!this.#waitsForOthers) {
      this.#waitingSinceMs = undefined;
      if (this.#interrupted) this.#recoverFrom(nowMs);
      return;
    }
    this.#gatesAwaited = Math.max(this.#gatesAwaited, others);
    this.#waitingSinceMs ??= nowMs;
    if (nowMs - this.#waitingSinceMs < this.#awaitMs) return;
    // They have died with what they knew. Their proxies speak to others by now.
    this.#waitsForOthers = false;
    this.#trustedAtMs = timeMs;
    this.#gatesAwaited = 0;
    this.#gaveUp();
    this.#recoverFrom(nowMs);
  }

  #recoverFrom(nowMs: number): void {
    this.#interrupted = false;
    this.#recoveredAtMs = Math.max(this.#recoveredAtMs, nowMs + this.#options.recoveryMs);
  }

  #gaveUp(): void {
    this.#missing = { sinceMs: performance.now(), of: this.#gates };
  }

  /** It has never trusted the store, and found it at once: it knows of no outage. */
  get #isNew(): boolean {
    return this.#trustedAtMs === undefined && !this.#foundAway;
  }

  /** Store time, ms: gates that were last heard before this time were gone before the outage. */
  get #thereMs(): number {
    return this.#trustedAtMs === undefined ? 0 : this.#trustedAtMs - this.#options.gateSilentMs;
  }

  #advance(): void {
    if (this.#state === 'away' || this.#state === 'synced' || this.#heardEpoch !== this.#epoch) return;
    if (performance.now() < this.#recoveredAtMs) this.#become('recovering');
    else if (!this.told || this.#waitsForOthers) this.#become('catching up');
    else this.#become('synced');
  }

  #become(state: State): void {
    const before = this.#state;
    if (state === before) return;
    this.#events.mustHold('standing-astray', NEXT[before].includes(state));
    this.#state = state;
    this.#events.emit('standingChanged', state, before);
  }

  #count(gates: number): void {
    const nowMs = performance.now();
    // Those that have not found the store again are still there.
    if (gates < this.#gates && (this.#state !== 'synced' || nowMs - this.#gatesAtMs < this.#awaitMs)) return;
    this.#gates = gates;
    this.#gatesAtMs = nowMs;
  }
}

function clamp(ms: number, maxMs: number): number {
  return Math.min(Math.max(ms, 0), maxMs);
}
