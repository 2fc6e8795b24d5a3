/**
 * The reaper: each gate's heartbeat, and the end of leases whose connection is gone without a word.
 *
 * A lease past its expiry goes on evidence only:
 * - its proxy has had a log stream open to this gate, with the store answering, without a gap, for a ttl. In that time
 *   every live connection has been renewed, so this one is not live;
 * - or no gate has heard its proxy for the grace.
 *
 * Silence is no evidence. So each of these starts the clock of "without a gap" again: the proxy's last stream to this
 * gate breaks; the store does not answer, refuses a renewal, or may have lost leases or the roll; this gate itself stood
 * still, and renewed nothing; a gate falls silent without a goodbye, since its proxies' streams have to find their way to
 * the others first.
 *
 * A dead proxy is one that the roll shows as quiet. Whoever holds leases is put on the roll, even if no heartbeat ever
 * told of it. All times are the store's.
 */

import { chunks } from './chunks.ts';
import type { Events } from './events.ts';
import { type PodId, type ProxyId, proxyOf } from './ids.ts';
import { mustHold } from './invariants.ts';
import type { LeaseStore } from './lease-store.ts';
import type { Ledger } from './ledger.ts';
import type { Presence } from './presence.ts';
import type { Recovery } from './recovery.ts';
import type { Share } from './share.ts';
import { Unlogged } from './unlogged.ts';

export interface ReaperOptions {
  /** This gate's name on the roll. */
  readonly gate: string;
  readonly ttlMs: number;
  readonly graceMs: number;
}

const HEARTBEAT_MS = 1000;
/** Three heartbeats missed: this gate was stopped, or its machine was. What it heard meanwhile, it has still to read. */
const STOOD_STILL_MS = 3000;
/** Five heartbeats missed. */
const GATE_QUIET_MS = 5000;
/** A pod that nobody has used for this long, and that holds no lease, is left out of the fleet's figures. */
const POD_QUIET_MS = 60 * 60 * 1000;
const PODS_AT_ONCE = 50;

export class Reaper {
  readonly #store: LeaseStore;
  readonly #ledger: Ledger;
  readonly #share: Share;
  readonly #recovery: Recovery;
  readonly #presence: Presence;
  readonly #events: Events;
  readonly #options: ReaperOptions;
  readonly #passMs: number;
  /** For each proxy with a log stream open here: since when without a gap. */
  readonly #heardSinceMs = new Map<ProxyId, number>();
  readonly #unlogged: Unlogged;
  #gates = 1;
  #quietGates: ReadonlySet<string> = new Set();
  #lastBeatMs = 0;
  #lastPassMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;

  constructor(
    parts: {
      store: LeaseStore;
      ledger: Ledger;
      share: Share;
      recovery: Recovery;
      presence: Presence;
      events: Events;
    },
    options: ReaperOptions,
  ) {
    this.#store = parts.store;
    this.#ledger = parts.ledger;
    this.#share = parts.share;
    this.#recovery = parts.recovery;
    this.#presence = parts.presence;
    this.#events = parts.events;
    this.#options = options;
    this.#unlogged = new Unlogged(options.ttlMs, parts.events);
    this.#passMs = Math.min(Math.max(options.ttlMs / 10, HEARTBEAT_MS), 10_000);
    const startAgain = () => this.#heardSinceMs.clear();
    this.#events.on('renewalRefused', startAgain);
    this.#events.on('storeLost', startAgain);
  }

  start(): void {
    const beat = () => {
      this.#beating ??= this.beat().finally(() => {
        this.#beating = undefined;
      });
    };
    this.#timer = setInterval(beat, HEARTBEAT_MS);
    this.#events.on('storeChanged', (up) => up && beat());
    if (this.#store.up) beat();
  }

  /** Proxies that send Checks but no access log. */
  get unlogged(): Iterable<ProxyId> {
    return this.#unlogged.proxies();
  }

  /** How many there are, this one included, as of the last heartbeat. */
  get gates(): number {
    return this.#gates;
  }

  /** Those whose heartbeat has stopped without a goodbye. */
  get silentGates(): Iterable<string> {
    return this.#quietGates;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    await this.#store.farewell(this.#options.gate);
  }

  async beat(): Promise<void> {
    const present = this.#presence.take();
    const answer = await this.#store.heartbeat({
      gate: this.#options.gate,
      proxies: [...new Set([...present.proxies, ...this.#ledger.talking()])],
      pods: [...present.pods],
      gateQuietMs: GATE_QUIET_MS,
      proxyQuietMs: this.#options.graceMs,
      before: this.#recovery.before,
    });
    if (!answer.ok) {
      this.#presence.putBack(present);
      this.#heardSinceMs.clear();
      return;
    }
    const { timeMs, gates, quietGates, quietProxies } = answer.value;
    this.#gates = gates;
    this.#recovery.heard(answer.value);
    if (timeMs - this.#lastBeatMs > STOOD_STILL_MS) this.#heardSinceMs.clear();
    this.#lastBeatMs = timeMs;
    this.#listen(timeMs, quietGates);
    for (const proxy of present.proxies) this.#unlogged.asked(proxy, timeMs);
    if (timeMs - this.#lastPassMs < this.#passMs) return;
    this.#lastPassMs = timeMs;
    await this.#pass(timeMs, quietProxies);
    await this.#store.strike('gates', quietGates, this.#options.graceMs);
  }

  #listen(timeMs: number, quietGates: readonly string[]): void {
    const quiet = new Set(quietGates);
    if (!quiet.isSubsetOf(this.#quietGates)) this.#heardSinceMs.clear();
    const areOthers = quiet.symmetricDifference(this.#quietGates).size > 0;
    this.#quietGates = quiet;
    if (areOthers) this.#events.emit('gatesSilent', quietGates);
    const talking = new Set(this.#ledger.talking());
    for (const proxy of this.#heardSinceMs.keys()) if (!talking.has(proxy)) this.#heardSinceMs.delete(proxy);
    for (const proxy of talking) if (!this.#heardSinceMs.has(proxy)) this.#heardSinceMs.set(proxy, timeMs);
  }

  async #pass(timeMs: number, quietProxies: readonly ProxyId[]): Promise<void> {
    const pods = await this.#store.pods();
    if (!pods.ok) return;
    const heard = [...this.#heardSinceMs].filter(([, sinceMs]) => timeMs - sinceMs >= this.#options.ttlMs);
    const silent = this.#recovery.over ? quietProxies : []; // a roll from before a loss shows the silence of then
    const proxies = [...new Set([...heard.map(([proxy]) => proxy), ...silent])];
    const waiting = new Set<ProxyId>();
    const empty: PodId[] = [];
    let complete = true;
    for (const some of chunks(pods.value, PODS_AT_ONCE)) {
      const answers = await Promise.all(some.map(async (pod) => ({ pod, answer: await this.#expire(pod, proxies) })));
      for (const { pod, answer } of answers) {
        if (!answer.ok) complete = false;
        else if (answer.value.count === 0) empty.push(pod);
        if (answer.ok) for (const proxy of answer.value.waiting) waiting.add(proxy);
      }
    }
    if (complete) this.#share.countedAll(this.#recovery.gates);
    this.#unlogged.waiting(waiting.difference(this.#heardSinceMs), timeMs);
    if (waiting.size > 0) await this.#store.enroll([...waiting]);
    if (empty.length > 0) await this.#store.strike('pods', empty, POD_QUIET_MS);
    if (complete && silent.length > 0) await this.#store.strike('proxies', silent, this.#options.graceMs);
  }

  async #expire(pod: PodId, proxies: readonly ProxyId[]) {
    const answer = await this.#store.expire(pod, proxies);
    if (answer.ok) this.#share.counted(pod, answer.value.count);
    if (answer.ok && answer.value.leases.length > 0) {
      const named = new Set(proxies);
      for (const lease of answer.value.leases) {
        mustHold(this.#events, 'expired-unnamed', named.has(proxyOf(lease)));
        this.#ledger.drop(lease);
      }
      this.#events.emit('released', pod, 'expired', answer.value.leases.length);
    }
    return answer;
  }
}
