/**
 * The reaper: each gate's heartbeat, and the end of leases whose connection is gone without a word.
 *
 * A lease past its expiry goes on evidence only (`evidence.ts`). What the reaper knows for it is since when this gate has
 * observed without a gap: heartbeats answered by a store that it trusts, on time, by a clock that goes evenly. Each of
 * these begins it again: the store is away or may have lost leases; this gate itself stood still, and has not read what
 * it was told meanwhile; the store's clock was set.
 *
 * A dead proxy is one that no gate has heard for the grace. Whoever holds leases is registered, even if no heartbeat ever
 * told of it. All times are the store's, but for those between heartbeats.
 */

import { chunks } from './chunks.ts';
import { GATE_SILENT_MS } from './evidence.ts';
import { type PodId, type ProxyId, proxyOf } from './ids.ts';
import type { AboutGate, Expired, HeartbeatReply, LeaseTimes, Silence } from './lease-store.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { Parts } from './parts.ts';
import { tally } from './tally.ts';
import { Unheard } from './unheard.ts';
import { Unlogged } from './unlogged.ts';

type ReaperParts = Parts & { readonly ledger: Ledger };

export interface ReaperOptions extends LeaseTimes {
  /** The name by which this gate is a member. */
  readonly gate: string;
  readonly about: AboutGate;
  readonly graceMs: number;
  /** When more pods are members, empty ones are removed soon. */
  readonly podsMax: number;
}

const HEARTBEAT_MS = 1000;
/** Three heartbeats missed: this gate was stopped, or its machine was. What it heard meanwhile, it has still to read. */
const STOOD_STILL_MS = 3000;
/** A store's clock that went so much more or less than this process's was set. */
const STEP_MS = 1000;
/** A pod that nobody has used for this long, and that holds no lease, is left out of the fleet's figures. */
const POD_UNUSED_MS = 60 * 60 * 1000;
/** The same where somebody invents names. A gate that uses one registers it again within a second. */
const POD_UNUSED_CROWDED_MS = 10_000;
const PODS_AT_ONCE = 50;
/** Proxies of which a gate tells the fleet how many streams it holds. */
const HELD_MAX = 1000;

export class Reaper {
  readonly #parts: ReaperParts;
  readonly #options: ReaperOptions;
  readonly #passMs: number;
  /** For each proxy with a log stream open here: since when. */
  readonly #talkingSinceMs = new Map<ProxyId, number>();
  readonly #unlogged: Unlogged;
  readonly #unheard: Unheard;
  #unspoken: ReadonlyMap<ProxyId, number> | undefined;
  #unheld: ReadonlyMap<ProxyId, number> = new Map();
  #gates = 1;
  #silentGates: ReadonlySet<string> = new Set();
  /** Of these the fleet has been told that their streams are lost. */
  #lostGates = new Set<string>();
  #observedSinceMs: number | undefined;
  #lastBeat: { readonly storeMs: number; readonly ownMs: number; readonly latencyMs: number } | undefined;
  #lastPassMs = Number.NEGATIVE_INFINITY;
  /** What the store was told that this gate hears, and in which epoch. */
  #hears = new Set<ProxyId>();
  #hearsEpoch = -1;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;

  constructor(parts: ReaperParts, options: ReaperOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#unlogged = new Unlogged(options.ttlMs, parts.events);
    this.#unheard = new Unheard(parts.events);
    this.#passMs = Math.min(Math.max(options.ttlMs / 10, HEARTBEAT_MS), 10_000);
    parts.events.on('standingChanged', (state) => {
      if (state !== 'synced') this.#observedSinceMs = undefined;
    });
  }

  start(): void {
    const beat = () => {
      this.#beating ??= this.beat().finally(() => {
        this.#beating = undefined;
      });
    };
    this.#timer = setInterval(beat, HEARTBEAT_MS);
    this.#parts.events.on('standingChanged', (state) => state === 'catching up' && beat());
    if (this.#parts.store.up) beat();
  }

  /** Proxies that send Checks but no access log. */
  get unlogged(): Iterable<ProxyId> {
    return this.#unlogged.proxies();
  }

  /** By proxy: leases of which nobody has spoken for a ttl, as of the last look at all of them; undefined before it. */
  get unspoken(): ReadonlyMap<ProxyId, number> | undefined {
    return this.#unspoken;
  }

  /** Of each proxy: how many leases a stream held once, and nobody speaks of any more, in the whole store. */
  get unheld(): ReadonlyMap<ProxyId, number> {
    return this.#unheld;
  }

  /** How many there are, this one included, as of the last heartbeat. */
  get gates(): number {
    return this.#gates;
  }

  /** Those whose heartbeat has stopped although they did not leave. */
  get silentGates(): Iterable<string> {
    return this.#silentGates;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    if (this.#parts.store.up) await this.#tellNews();
    await this.#parts.store.leave(this.#options.gate);
  }

  async beat(): Promise<void> {
    const { ledger, presence, standing, store } = this.#parts;
    const { epoch } = standing;
    const present = presence.take();
    const sentMs = performance.now();
    const answer = await store.heartbeat({
      gate: this.#options.gate,
      about: this.#about(),
      proxies: [...new Set([...present.proxies, ...ledger.streams.proxies()])],
      pods: [...present.pods],
      gateSilentMs: GATE_SILENT_MS,
      proxySilentMs: this.#options.graceMs,
      before: standing.before,
      outage: standing.outage,
    });
    if (!answer.ok) {
      presence.putBack(present);
      this.#observedSinceMs = undefined;
      return;
    }
    const { timeMs } = answer.value;
    this.#gates = answer.value.gates;
    this.#keepTime(timeMs, sentMs);
    standing.heard(answer.value, epoch);
    if (standing.synced) this.#observedSinceMs ??= timeMs;
    this.#listen(timeMs);
    await this.#missGates(answer.value);
    await this.#tellNews();
    for (const proxy of present.proxies) {
      this.#unlogged.asked(proxy, timeMs);
      this.#unheard.asked(proxy, timeMs);
    }
    const ownMs = performance.now();
    if (!standing.synced || ownMs - this.#lastPassMs < this.#passMs) return;
    this.#lastPassMs = ownMs;
    await this.#pass(answer.value);
  }

  #about(): AboutGate {
    const held = [...this.#parts.ledger.holds.byProxy].slice(0, HELD_MAX);
    return held.length === 0 ? this.#options.about : { ...this.#options.about, held: Object.fromEntries(held) };
  }

  /** Whether time went by evenly since the last heartbeat, here and in the store. */
  #keepTime(storeMs: number, sentMs: number): void {
    const ownMs = performance.now();
    const latencyMs = ownMs - sentMs;
    const last = this.#lastBeat;
    this.#lastBeat = { storeMs, ownMs, latencyMs };
    if (!last) return;
    const passedMs = ownMs - last.ownMs;
    if (passedMs > STOOD_STILL_MS) this.#observedSinceMs = undefined;
    const byMs = storeMs - last.storeMs - passedMs;
    if (Math.abs(byMs) <= STEP_MS + latencyMs + last.latencyMs) return;
    this.#observedSinceMs = undefined;
    this.#talkingSinceMs.clear();
    this.#parts.ledger.entries.writeAgain(); // expiries are wrong by as much
    this.#parts.events.emit('clockStepped', Math.round(byMs));
  }

  #listen(timeMs: number): void {
    const talking = new Set(this.#parts.ledger.streams.proxies());
    for (const proxy of this.#talkingSinceMs.keys()) if (!talking.has(proxy)) this.#talkingSinceMs.delete(proxy);
    for (const proxy of talking) if (!this.#talkingSinceMs.has(proxy)) this.#talkingSinceMs.set(proxy, timeMs);
  }

  /** What silent gates heard of proxies, nobody may have heard since. */
  async #missGates({ silentGates }: HeartbeatReply): Promise<void> {
    const before = this.#silentGates;
    const names = new Set(silentGates.map(({ gate }) => gate));
    this.#silentGates = names;
    if (names.symmetricDifference(before).size > 0) this.#parts.events.emit('gatesSilent', [...names]);
    this.#lostGates = this.#lostGates.intersection(names);
    for (const { gate, seenMs } of silentGates) {
      if (this.#lostGates.has(gate)) continue;
      const heard = await this.#parts.store.heardBy(gate);
      if (!heard.ok) return;
      this.#parts.evidence.gateLost(heard.value, seenMs);
      this.#lostGates.add(gate);
    }
  }

  async #tellNews(): Promise<void> {
    const { evidence, ledger, standing, store } = this.#parts;
    const news = evidence.takeNews();
    if (news.length > 0 && !(await store.tell(news)).ok) evidence.putBack(news);
    const { epoch } = standing;
    const heard = new Set(ledger.streams.proxies());
    const told = epoch === this.#hearsEpoch ? this.#hears : new Set<ProxyId>();
    const more = [...heard.difference(told)];
    const fewer = [...told.difference(heard)];
    if (more.length === 0 && fewer.length === 0) return;
    if (!(await store.hears(this.#options.gate, more, fewer)).ok) return;
    this.#hears = heard;
    this.#hearsEpoch = epoch;
  }

  async #pass({ timeMs, silentGates, silentProxies }: HeartbeatReply): Promise<void> {
    const { evidence, ledger, share, standing, store } = this.#parts;
    const pods = await store.pods();
    if (!pods.ok) return;
    evidence.talking(ledger.streams.pings());
    // A gate that is there, and does not reach the store, may hear what nobody else does.
    const isMissing = standing.missingForMs < this.#options.graceMs;
    if (silentGates.length > 0 || isMissing)
      for (const proxy of ledger.entries.unfound(this.#options.graceMs)) evidence.lost(proxy);
    await this.#tellNews();
    const silences = await this.#silences(timeMs, silentProxies, silentGates.length + (isMissing ? 1 : 0));
    if (!silences) return;
    const waiting = new Map<ProxyId, number>();
    const overlooked = new Set<ProxyId>();
    const unheld = new Map<ProxyId, number>();
    const empty: PodId[] = [];
    let complete = true;
    for (const some of chunks(pods.value, PODS_AT_ONCE)) {
      const answers = await Promise.all(some.map(async (pod) => ({ pod, expired: await this.#expire(pod, silences) })));
      for (const { pod, expired } of answers) {
        if (!expired) complete = false;
        else if (expired.count === 0) empty.push(pod);
        for (const [proxy, left] of expired?.waiting ?? []) tally(waiting, proxy, left);
        for (const proxy of expired?.overlooked ?? []) overlooked.add(proxy);
        for (const [proxy, count] of expired?.unheld ?? []) tally(unheld, proxy, count);
      }
    }
    if (complete) {
      share.countedAll(standing.gates);
      this.#unspoken = waiting;
      await this.#lookForUnheld(unheld, timeMs);
    }
    evidence.overlooked(overlooked);
    await this.#lookForUnlogged(waiting.keys(), timeMs);
    await this.#lookForUnheard(timeMs);
    if (waiting.size > 0) await store.register([...waiting.keys()]);
    const podUnusedMs = pods.value.length > this.#options.podsMax ? POD_UNUSED_CROWDED_MS : POD_UNUSED_MS;
    if (empty.length > 0) await store.remove('pods', empty, podUnusedMs);
    const gone = silentProxies.filter((proxy) => !waiting.has(proxy));
    const isSure = timeMs - (this.#observedSinceMs ?? timeMs) >= this.#options.graceMs;
    if (complete && isSure && gone.length > 0) {
      await store.remove('proxies', gone, this.#options.graceMs);
      for (const proxy of gone) evidence.forget(proxy);
    }
    const lost = silentGates.map(({ gate }) => gate).filter((gate) => this.#lostGates.has(gate));
    if (lost.length > 0) await store.remove('gates', lost, this.#options.graceMs);
  }

  /** Of those that no stream holds any more, the ones that will not go by any silence either. */
  async #lookForUnheld(left: ReadonlyMap<ProxyId, number>, timeMs: number): Promise<void> {
    const { evidence, events, store } = this.#parts;
    const known = await store.promised([...left.keys()]);
    if (!known.ok) return;
    const before = this.#unheld;
    this.#unheld = new Map([...left].filter(([proxy]) => !evidence.tellsHeld(known.value.get(proxy), timeMs)));
    for (const [proxy, count] of this.#unheld) if (!before.has(proxy)) events.emit('unheld', proxy, count);
  }

  /** Undefined when the store is away. */
  async #silences(
    timeMs: number,
    silentProxies: readonly ProxyId[],
    silentGates: number,
  ): Promise<Silence[] | undefined> {
    const observedSinceMs = this.#observedSinceMs;
    const { evidence, store } = this.#parts;
    const names = new Set([...this.#talkingSinceMs.keys(), ...silentProxies, ...evidence.overdueOnes]);
    const known = await store.promised([...names]);
    if (!known.ok || observedSinceMs === undefined) return undefined;
    const hasOthers = this.#gates + silentGates > 1;
    const dead = new Set(silentProxies);
    return evidence.silences(known.value, this.#talkingSinceMs, dead, {
      timeMs,
      observedSinceMs,
      hasOthers,
      hasRefuge: silentGates > 1,
    });
  }

  /** Of those with leases past their expiry, the ones of which no gate has had a log stream for long. */
  async #lookForUnlogged(waiting: Iterable<ProxyId>, timeMs: number): Promise<void> {
    const { holds } = this.#parts.ledger;
    const others = [...waiting].filter((proxy) => !this.#talkingSinceMs.has(proxy) && !holds.areUsedBy(proxy));
    const known = await this.#parts.store.promised(others);
    if (!known.ok) return;
    const sinceMs = timeMs - 2 * this.#options.ttlMs - 2 * this.#passMs;
    this.#unlogged.waiting(new Set(others.filter((proxy) => (known.value.get(proxy)?.logMs ?? 0) < sinceMs)), timeMs);
  }

  /** Of those that ask here: no gate has had a log stream of them, and they do not use the hold door. */
  async #lookForUnheard(timeMs: number): Promise<void> {
    const due = this.#unheard.due(timeMs);
    if (due.length === 0) return;
    const known = await this.#parts.store.promised(due);
    if (!known.ok) return;
    const { holds } = this.#parts.ledger;
    for (const proxy of due) {
      const hasLog = (known.value.get(proxy)?.logMs ?? 0) > 0 || this.#talkingSinceMs.has(proxy);
      this.#unheard.settle(proxy, hasLog || holds.areUsedBy(proxy));
    }
  }

  async #expire(pod: PodId, silences: readonly Silence[]): Promise<Expired | undefined> {
    const { events, ledger, share, store } = this.#parts;
    const answer = await store.expire(pod, silences, this.#options);
    if (!answer.ok) return undefined;
    const { leases, outlived, count } = answer.value;
    share.counted(pod, count);
    const named = new Set(silences.map(({ proxy }) => proxy));
    for (const lease of leases) events.mustHold('expired-unnamed', named.has(proxyOf(lease)));
    for (const lease of [...leases, ...outlived]) ledger.entries.drop(pod, lease);
    if (leases.length > 0) events.emit('released', pod, 'expired', leases.length);
    if (outlived.length > 0) events.emit('released', pod, 'outlived', outlived.length);
    return answer.value;
  }
}
