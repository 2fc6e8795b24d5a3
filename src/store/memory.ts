/**
 * The embedded store: leases in this process's memory, for a single gate. Without a file (`file/`) a restart forgets
 * them. The access log brings the live ones back within one flush interval; a new incarnation tells gates to wait for it.
 */

import type { Claims } from '../admission/claims.ts';
import {
  type LeaseId,
  type PodId,
  type ProxyId,
  proxyOf,
  type ServiceId,
  serviceOf,
  type Where,
} from '../admission/ids.ts';
import {
  type AboutGate,
  type Acquired,
  type Answer,
  type Closing,
  type Enrolled,
  type Expired,
  type Fleet,
  type Gates,
  type Heartbeat,
  type HeartbeatReply,
  type Holder,
  LEAST,
  type LeasePage,
  type LeaseStore,
  type LeaseTimes,
  type Listed,
  type Membership,
  newHolder,
  newRenewed,
  type Order,
  type Placed,
  type Promised,
  type PromiseNews,
  type Renewal,
  type Renewed,
  type Silence,
} from '../admission/lease-store.ts';
import {
  AUDIT_MAX,
  type AuditEntry,
  type AuditNote,
  type Enforced,
  inForce,
  type Overridden,
  type Override,
  type OverrideChange,
  type OverridesNow,
} from '../admission/override.ts';
import { tally } from '../admission/tally.ts';
import { LeaseFlag, type Snapshot, type StoredEnd, type StoredLease, type StoredPod } from './file/snapshot.ts';
import { OverrideTable } from './overrides.ts';
import { Service } from './service.ts';

/** Ended leases that are remembered, and lapsed ones; the oldest are forgotten first. */
const ENDED_MAX = 100_000;
const LAPSED_MAX = 10_000;
/** Proxies of which something is known; those of which nothing was told for longest are forgotten first. */
const PROMISED_MAX = 20_000;
/** What to close is remembered for so long, and so much of it at most. */
const CLOSING_MS = 60_000;
const CLOSINGS_MAX = 100_000;
const UNKNOWN: Promised = {
  intervalMs: 0,
  logMs: 0,
  lostMs: 0,
  stuckMs: 0,
  foundMs: 0,
  missedMs: 0,
  overlookedMs: 0,
  tellsHeld: false,
  distrustedUntilMs: 0,
  pingMs: 0,
};

interface Held {
  expiryMs: number;
  /** Whether anybody has spoken of it since it was acquired. */
  spokenOf: boolean;
  /** Whether a periodic log entry has. */
  told: boolean;
  /** Whether a gate has held a stream that is open for as long as its connection. */
  held: boolean;
  holder: Holder;
}

interface Pod {
  readonly id: PodId;
  readonly service: Service | undefined;
  readonly leases: Map<LeaseId, Held>;
  readonly proxies: Map<ProxyId, number>;
}

export class MemoryStore implements LeaseStore {
  readonly up = true;
  readonly #nowMs: () => number;
  readonly #incarnationMs: number;
  readonly #pods = new Map<PodId, Pod>();
  readonly #services = new Map<ServiceId, Service>();
  /** The limits of their pods, without overrides. */
  readonly #configured = new Map<ServiceId, { pods: ReadonlyMap<PodId, number>; order: Order; list: string }>();
  /** By pod, or service, and lease: until when no renewal puts it back. In the order in which they ended. */
  readonly #ended = new Map<string, number>();
  /** Gates that were there before this incarnation and have come back; of how many; when the last one did. */
  readonly #back: { readonly names: Set<string>; of: number; lastMs: number };
  /** By pod, or service, and lease: taken out by silence, in that order. */
  readonly #lapsed = new Set<string>();
  readonly #promised = new Map<ProxyId, Promised>();
  readonly #hears = new Map<string, Set<ProxyId>>();
  /** By gate: when it last said that it has told all that it knows, and that it does not trust the counts. */
  readonly #told = new Map<string, number>();
  readonly #doubting = new Map<string, number>();
  readonly #about = new Map<string, AboutGate>();
  readonly #members: Record<Membership, Map<string, number>> = {
    gates: new Map(),
    proxies: new Map(),
    pods: new Map(),
  };
  #closings: { readonly atMs: number; readonly closing: Closing }[] = [];
  readonly #overrides = new OverrideTable();
  #changes = 0;

  constructor(nowMs: () => number, remembered?: Snapshot) {
    this.#nowMs = nowMs;
    this.#incarnationMs = nowMs() - (remembered?.incarnationAgeMs ?? 0);
    this.#back = { names: new Set(), of: 0, lastMs: this.#incarnationMs };
    if (remembered) this.#takeUp(remembered);
  }

  /** Goes up when leases come, go or open. A renewal alone changes nothing that a restart would lack. */
  get changes(): number {
    return this.#changes;
  }

  /**
   * All that is to outlive this process; not which gates there are, because only this one is. It is of one moment if it is
   * read before anything changes.
   */
  snapshot(): Snapshot {
    const nowMs = this.#nowMs();
    return {
      incarnationAgeMs: nowMs - this.#incarnationMs,
      pods: this.#storedPods(nowMs),
      ended: this.#storedEnds(nowMs),
      proxies: this.#members.proxies.keys() as Iterable<ProxyId>,
      overrides: this.#overrides.all(),
      audit: this.#overrides.newest(AUDIT_MAX).reverse(),
    };
  }

  async acquire(
    claims: Claims,
    lease: LeaseId,
    reserveMs: number,
    path: string,
    client?: string,
  ): Promise<Answer<Acquired>> {
    const [{ pod: podId, limit: configured }] = claims;
    const pod = this.#pod(podId);
    const nowMs = this.#nowMs();
    const override = this.#overrides.limitOf(podId, nowMs);
    const judged = override === undefined ? {} : { limit: override };
    if (this.#hasEnded(podId, lease, nowMs)) return done({ admitted: false, count: pod.leases.size, ended: true });
    if (!pod.leases.has(lease) && pod.leases.size >= (override ?? configured)) {
      return done({ admitted: false, count: pod.leases.size, ...judged });
    }
    const other = this.#podOf(podId, lease);
    if (other && other !== pod) remove(other, lease);
    this.#reserve(pod, lease, nowMs + reserveMs, path, client);
    return done({ admitted: true, count: pod.leases.size, ...judged });
  }

  async place(
    service: ServiceId,
    lease: LeaseId,
    reserveMs: number,
    path: string,
    client?: string,
    choice = LEAST,
  ): Promise<Answer<Placed>> {
    const known = this.#service(service);
    const nowMs = this.#nowMs();
    if (this.#hasEnded(service, lease, nowMs)) return done({ placed: false, why: 'ended' });
    const id = known.at(lease) ?? known.choose(choice, nowMs, this.#countOf);
    if (!id) return done({ placed: false, why: known.isKnown ? 'full' : 'unknown' });
    const pod = this.#pod(id);
    this.#reserve(pod, lease, nowMs + reserveMs, path, client);
    const others = choice.others ? { others: known.roomiest(choice.others, id) } : {};
    return done({ placed: true, pod: id, count: pod.leases.size, ...others });
  }

  async enrol(
    service: ServiceId,
    pods: ReadonlyMap<PodId, number>,
    order: Order = {},
    list = '',
  ): Promise<Answer<Enrolled>> {
    const before = this.#configured.get(service)?.pods ?? new Map<PodId, number>();
    const inForce = [...pods].map(([pod, limit]) => [pod, this.#limitOf(pod) ?? limit] as const);
    this.#configured.set(service, { pods, order, list });
    this.#service(service).enrol(new Map(inForce), order, this.#countOf);
    return done({
      joined: [...pods.keys()].filter((pod) => !before.has(pod)),
      left: [...before.keys()].filter((pod) => !pods.has(pod)),
    });
  }

  async enrolled(service: ServiceId): Promise<Answer<ReadonlyMap<PodId, number>>> {
    return done(this.#configured.get(service)?.pods ?? new Map());
  }

  /** There is no other gate. */
  async listed(service: ServiceId, gate: string, list: string): Promise<Answer<Listed>> {
    return done({ counts: true, isEnrolled: this.#configured.get(service)?.list === list, by: gate });
  }

  async avoid(pod: PodId): Promise<Answer<number>> {
    const service = serviceOf(pod);
    return done(service ? this.#service(service).avoid(pod, this.#nowMs()) : 0);
  }

  async avoided(service: ServiceId): Promise<Answer<ReadonlyMap<PodId, number>>> {
    return done(this.#service(service).avoided);
  }

  #limitOf(pod: PodId): number | undefined {
    return this.#overrides.limitOf(pod, this.#nowMs());
  }

  readonly #countOf = (pod: PodId) => this.#pods.get(pod)?.leases.size ?? 0;

  #reserve(pod: Pod, lease: LeaseId, expiryMs: number, path: string, client: string | undefined): void {
    const held = pod.leases.get(lease);
    if (held) {
      held.expiryMs = Math.max(held.expiryMs, expiryMs);
      held.spokenOf = true;
    } else {
      const holder = newHolder('reserved', path, client);
      add(pod, lease, { expiryMs, spokenOf: false, told: false, held: false, holder });
      this.#changes += 1;
    }
  }

  async renew(podId: PodId, leases: readonly Renewal[], ttlMs: number): Promise<Answer<Renewed>> {
    const pod = this.#pod(podId);
    const nowMs = this.#nowMs();
    const expiryMs = nowMs + ttlMs;
    let created = 0;
    const inherited = new Set<ProxyId>();
    const overdue = new Set<ProxyId>();
    for (const { lease, holder, first, moved = false, ...flags } of leases) {
      const { told = false, held: isHeld = false, overdue: isOverdue = false } = flags;
      const held = this.#settled(pod, lease, moved);
      if (isOverdue && !told && !held?.told) overdue.add(proxyOf(lease));
      if (!held || holder) this.#changes += 1;
      if (held) {
        if (held.told && first) inherited.add(proxyOf(lease));
        held.expiryMs = expiryMs;
        held.spokenOf = true;
        held.told ||= told;
        held.held ||= isHeld;
        if (holder) held.holder = holder;
      } else if (!this.#hasEnded(podId, lease, nowMs)) {
        const live = holder ?? { state: 'live', path: '' };
        add(pod, lease, { expiryMs, spokenOf: true, told, held: isHeld, holder: live });
        created += 1;
      }
    }
    return done(newRenewed(created, pod.leases.size, [...inherited], [...overdue]));
  }

  async release(where: Where, leases: readonly LeaseId[], endedMs: number): Promise<Answer<number>> {
    this.#changes += 1;
    if (endedMs > 0) this.#remember(where, leases, endedMs);
    return done(leases.filter((lease) => remove(this.#podOf(where, lease), lease)).length);
  }

  async withdraw(where: Where, leases: readonly LeaseId[]): Promise<Answer<number>> {
    this.#changes += 1;
    const isUnspoken = (lease: LeaseId) => this.#podOf(where, lease)?.leases.get(lease)?.spokenOf === false;
    return done(leases.filter((lease) => isUnspoken(lease) && remove(this.#podOf(where, lease), lease)).length);
  }

  async expire(podId: PodId, silences: readonly Silence[], times: LeaseTimes): Promise<Answer<Expired>> {
    const pod = this.#pods.get(podId);
    if (!pod)
      return done({ leases: [], outlived: [], waiting: new Map(), overlooked: [], unheld: new Map(), count: 0 });
    const nowMs = this.#nowMs();
    const rules = new Map(silences.map((silence) => [silence.proxy, silence]));
    const leases: LeaseId[] = [];
    const outlived: LeaseId[] = [];
    const waiting = new Map<ProxyId, number>();
    const overlooked = new Set<ProxyId>();
    const unheld = new Map<ProxyId, number>();
    for (const [lease, held] of pod.leases) {
      if (held.expiryMs >= nowMs) continue;
      const proxy = proxyOf(lease);
      const lastWordMs = held.expiryMs - (held.spokenOf ? times.ttlMs : times.reserveMs);
      const rule = rules.get(proxy);
      const isSilent = rule !== undefined && lastWordMs < nowMs - rule.silentMs && lastWordMs > rule.unheardUntilMs;
      const mayBeOverlooked = isSilent && !held.told && (!held.held || rule.tellsHeld);
      const isOverlooked =
        mayBeOverlooked && lastWordMs > (held.held ? rule.heldCompleteSinceMs : rule.completeSinceMs);
      if (isOverlooked) overlooked.add(proxy);
      if (isSilent && (held.told || (mayBeOverlooked && !isOverlooked && !rule.toldOnly))) leases.push(lease);
      else if (lastWordMs < nowMs - times.unrenewedMaxMs) outlived.push(lease);
      else {
        tally(waiting, proxy, 1);
        if (held.held && !held.told) tally(unheld, proxy, 1);
      }
    }
    for (const lease of [...leases, ...outlived]) remove(pod, lease);
    this.#changes += leases.length + outlived.length;
    for (const lease of leases) this.#lapsed.add(inGroup(podId, lease));
    for (const lapsed of this.#lapsed) {
      if (this.#lapsed.size <= LAPSED_MAX) break;
      this.#lapsed.delete(lapsed);
    }
    return done({ leases, outlived, waiting, overlooked: [...overlooked], unheld, count: pod.leases.size });
  }

  async lapsed(where: Where, leases: readonly LeaseId[]): Promise<Answer<readonly LeaseId[]>> {
    return done(leases.filter((lease) => this.#lapsed.delete(inGroup(where, lease))));
  }

  async expiries(pod: PodId, leases: readonly LeaseId[]): Promise<Answer<readonly (number | undefined)[]>> {
    return done(leases.map((lease) => this.#podOf(pod, lease)?.leases.get(lease)?.expiryMs));
  }

  async mayBeHeld(): Promise<Answer<boolean>> {
    return done(false); // there is no other gate
  }

  async pods(): Promise<Answer<readonly PodId[]>> {
    return done([...this.#pods.keys()]);
  }

  async proxies(): Promise<Answer<readonly ProxyId[]>> {
    return done([...this.#members.proxies.keys()] as ProxyId[]);
  }

  async gates(): Promise<Answer<Gates>> {
    const gates = [...this.#members.gates].map(([gate, seenMs]) => {
      const about = this.#about.get(gate);
      return { gate, seenMs, ...(about ? { about } : {}) };
    });
    return done({ timeMs: this.#nowMs(), gates });
  }

  async fleet(pods: readonly PodId[]): Promise<Answer<Fleet>> {
    const counts = pods.map((id) => {
      const pod = this.#pods.get(id);
      return { pod: id, connections: pod?.leases.size ?? 0, proxies: new Map(pod?.proxies) };
    });
    return done({ timeMs: this.#nowMs(), pods: counts });
  }

  /** Pages in the order of lease ids; the cursor is the last one seen. */
  async leases(podId: PodId, size: number, after?: LeaseId): Promise<Answer<LeasePage>> {
    const all = [...(this.#pods.get(podId)?.leases ?? [])]
      .map(([lease, { holder, held }]) => ({ lease, holder, ...(held ? { held } : {}) }))
      .filter(({ lease }) => after === undefined || lease > after)
      .sort((a, b) => (a.lease < b.lease ? -1 : 1));
    const leases = all.slice(0, size);
    const last = leases.at(-1);
    return done(last && all.length > size ? { leases, next: last.lease } : { leases });
  }

  async heartbeat(beat: Heartbeat): Promise<Answer<HeartbeatReply>> {
    const timeMs = this.#nowMs();
    const { gates, proxies, pods } = this.#members;
    for (const members of [gates, proxies, pods]) noneLater(members, timeMs);
    gates.set(beat.gate, timeMs);
    if (beat.about) this.#about.set(beat.gate, beat.about);
    for (const proxy of beat.proxies) proxies.set(proxy, timeMs);
    for (const pod of beat.pods) pods.set(pod, timeMs);
    const silentGates = silent(gates, timeMs - beat.gateSilentMs);
    const { told, trusts, sinceMs, thereMs } = beat.outage ?? { told: true, trusts: true, sinceMs: 0, thereMs: 0 };
    if (told) this.#told.set(beat.gate, timeMs);
    if (trusts) this.#doubting.delete(beat.gate);
    else this.#doubting.set(beat.gate, timeMs);
    const others = [...gates].filter(([gate]) => gate !== beat.gate);
    const fromMs = sinceMs === 'now' ? timeMs + 1 : sinceMs;
    const behind = others.filter(([gate, seenMs]) => seenMs >= thereMs && (this.#told.get(gate) ?? -1) < fromMs);
    const doubts = (gate: string) => (this.#doubting.get(gate) ?? -1) >= timeMs - beat.gateSilentMs;
    return done({
      timeMs,
      incarnationMs: this.#incarnationMs,
      ...this.#waited(beat, timeMs),
      gates: gates.size - silentGates.length,
      gatesBehind: behind.length,
      gatesDoubting: others.filter(([gate]) => doubts(gate)).length,
      silentGates: silentGates.map(([gate, seenMs]) => ({ gate, seenMs })),
      silentProxies: silent(proxies, timeMs - beat.proxySilentMs).map(([proxy]) => proxy as ProxyId),
    });
  }

  #waited({ gate, before }: Heartbeat, timeMs: number): Pick<HeartbeatReply, 'gatesAwaited' | 'gatesBackMs'> {
    const { gates, incarnationMs, awaitMs } = before ?? { gates: 0, incarnationMs: 0, awaitMs: 0 };
    const back = this.#back;
    if (timeMs >= this.#incarnationMs + awaitMs) return { gatesAwaited: 0, gatesBackMs: back.lastMs };
    if (gates > 0 && incarnationMs !== this.#incarnationMs && !back.names.has(gate)) {
      back.names.add(gate);
      back.of = Math.max(back.of, gates);
      back.lastMs = timeMs;
    }
    return { gatesAwaited: Math.max(0, back.of - back.names.size), gatesBackMs: back.lastMs };
  }

  async register(proxies: readonly ProxyId[]): Promise<Answer<void>> {
    const members = this.#members.proxies;
    for (const proxy of proxies) if (!members.has(proxy)) members.set(proxy, this.#nowMs());
    return done(undefined);
  }

  async tell(news: readonly PromiseNews[]): Promise<Answer<void>> {
    const nowMs = this.#nowMs();
    for (const { proxy, intervalMs, pingMs, lost, stuck, distrustForMs, ...is } of news) {
      const { logged, found, missed, overlooked, tellsHeld = false } = is;
      const known = before(this.#promised.get(proxy) ?? UNKNOWN, nowMs);
      const lostMs = lost === 'now' ? nowMs : (lost ?? 0);
      this.#promised.delete(proxy); // to the end of the order
      this.#promised.set(proxy, {
        intervalMs: intervalMs ?? known.intervalMs,
        pingMs: pingMs ?? known.pingMs,
        logMs: logged ? nowMs : known.logMs,
        lostMs: Math.max(lostMs, known.lostMs),
        stuckMs: Math.max(stuck ?? 0, known.stuckMs),
        foundMs: found ? nowMs : known.foundMs,
        missedMs: missed ? nowMs : known.missedMs,
        overlookedMs: overlooked ? nowMs : known.overlookedMs,
        tellsHeld: tellsHeld || known.tellsHeld,
        distrustedUntilMs: distrustForMs === undefined ? known.distrustedUntilMs : nowMs + distrustForMs,
      });
    }
    for (const proxy of this.#promised.keys()) {
      if (this.#promised.size <= PROMISED_MAX) break;
      this.#promised.delete(proxy);
    }
    return done(undefined);
  }

  async promised(proxies: readonly ProxyId[]): Promise<Answer<ReadonlyMap<ProxyId, Promised>>> {
    return done(new Map(proxies.map((proxy) => [proxy, this.#promised.get(proxy) ?? UNKNOWN])));
  }

  async hears(gate: string, more: readonly ProxyId[], fewer: readonly ProxyId[]): Promise<Answer<void>> {
    this.#hears.set(gate, new Set([...(this.#hears.get(gate) ?? []), ...more]).difference(new Set(fewer)));
    return done(undefined);
  }

  async heardBy(gate: string): Promise<Answer<readonly ProxyId[]>> {
    return done([...(this.#hears.get(gate) ?? [])]);
  }

  async askToClose(closings: readonly Closing[]): Promise<Answer<void>> {
    const nowMs = this.#nowMs();
    this.#closings.push(...closings.map((closing) => ({ atMs: nowMs + (closing.inMs ?? 0), closing })));
    this.#closings = this.#closings.filter((each) => each.atMs > nowMs - CLOSING_MS).slice(-CLOSINGS_MAX);
    return done(undefined);
  }

  async keepOpen(pod: PodId, reason: string): Promise<Answer<void>> {
    const nowMs = this.#nowMs();
    const isMeant = ({ closing }: { closing: Closing }) => closing.pod === pod && closing.reason === reason;
    this.#closings = this.#closings.filter((each) => each.atMs < nowMs || !isMeant(each));
    return done(undefined);
  }

  async toClose(sinceMs: number | 'now'): Promise<Answer<{ timeMs: number; closings: readonly Closing[] }>> {
    const timeMs = this.#nowMs();
    const due = this.#closings.filter(({ atMs }) => sinceMs !== 'now' && atMs >= sinceMs && atMs <= timeMs);
    const closings = due.map(({ closing: { pod, lease, reason } }) => ({ pod, lease, reason }));
    return done({ timeMs, closings });
  }

  async override(change: OverrideChange): Promise<Answer<Overridden>> {
    this.#changes += 1;
    return done(this.#overrides.override(change, this.#nowMs()));
  }

  async overrides(known: number): Promise<Answer<OverridesNow>> {
    const now = this.#overrides.now(known, this.#nowMs());
    this.#changes += now.expired.length;
    return done(now);
  }

  async putBack(overrides: readonly Override[]): Promise<Answer<void>> {
    this.#overrides.putBack(overrides, this.#nowMs());
    return done(undefined);
  }

  async enforce(pod: PodId, version: number, enforced: Enforced | undefined): Promise<Answer<void>> {
    const service = serviceOf(pod);
    const isEnforced = this.#overrides.enforce(pod, version, enforced);
    const configured = service && this.#configured.get(service);
    if (isEnforced && service && configured)
      await this.enrol(service, configured.pods, configured.order, configured.list);
    return done(undefined);
  }

  async note(note: AuditNote): Promise<Answer<AuditEntry>> {
    this.#changes += 1;
    return done(this.#overrides.note(note, this.#nowMs()));
  }

  async audit(max: number): Promise<Answer<readonly AuditEntry[]>> {
    return done(this.#overrides.newest(max));
  }

  async remove(membership: Membership, names: readonly string[], silentMs: number): Promise<Answer<void>> {
    const nowMs = this.#nowMs();
    for (const name of names) {
      if (nowMs - (this.#members[membership].get(name) ?? nowMs) <= silentMs) continue;
      this.#members[membership].delete(name);
      if (membership === 'gates') this.#forget(name);
      if (membership === 'pods' && this.#pods.get(name as PodId)?.leases.size === 0) this.#pods.delete(name as PodId);
    }
    return done(undefined);
  }

  async leave(gate: string): Promise<Answer<void>> {
    this.#members.gates.delete(gate);
    this.#forget(gate);
    return done(undefined);
  }

  #forget(gate: string): void {
    this.#hears.delete(gate);
    this.#told.delete(gate);
    this.#doubting.delete(gate);
    this.#about.delete(gate);
  }

  #hasEnded(where: Where, lease: LeaseId, nowMs: number): boolean {
    return (this.#ended.get(inGroup(where, lease)) ?? 0) > nowMs;
  }

  async close(): Promise<void> {}

  /** Proxies may have spoken while there was no gate: their silence begins now. */
  #takeUp({ pods, ended, proxies, overrides, audit }: Snapshot): void {
    const nowMs = this.#nowMs();
    this.#overrides.putBack(overrides, nowMs);
    this.#overrides.remember(audit);
    for (const [pod, ofPod] of Map.groupBy(overrides, (each) => each.pod)) {
      this.#overrides.enforce(pod, 0, inForce(ofPod));
    }
    const known = new Set(proxies);
    for (const { pod: id, usedAgoMs, leases } of pods) {
      const pod = this.#pod(id);
      this.#members.pods.set(id, nowMs - usedAgoMs);
      for (const stored of leases) {
        known.add(proxyOf(stored.lease)); // it may not have been a member yet
        if (!pod.leases.has(stored.lease)) add(pod, stored.lease, heldAs(stored, nowMs));
      }
    }
    for (const { pod, lease, leftMs } of ended) this.#ended.set(inGroup(pod, lease), nowMs + leftMs);
    for (const proxy of known) {
      this.#members.proxies.set(proxy, nowMs);
      this.#promised.set(proxy, { ...UNKNOWN, lostMs: nowMs }); // what it said meanwhile, nobody heard
    }
  }

  *#storedPods(nowMs: number): Generator<StoredPod> {
    for (const [pod, { leases }] of this.#pods) {
      const usedAgoMs = nowMs - (this.#members.pods.get(pod) ?? nowMs);
      yield { pod, usedAgoMs, leases: storedLeases(leases, nowMs) };
    }
  }

  *#storedEnds(nowMs: number): Generator<StoredEnd> {
    for (const [ended, untilMs] of this.#ended) {
      const [pod, lease] = ended.split(' ');
      if (untilMs > nowMs) yield { pod: pod as Where, lease: lease as LeaseId, leftMs: untilMs - nowMs };
    }
  }

  #pod(id: PodId): Pod {
    let pod = this.#pods.get(id);
    if (!pod) {
      const service = serviceOf(id);
      pod = { id, service: service && this.#service(service), leases: new Map(), proxies: new Map() };
      this.#pods.set(id, pod);
    }
    return pod;
  }

  #service(id: ServiceId): Service {
    const service = this.#services.get(id) ?? new Service();
    this.#services.set(id, service);
    return service;
  }

  /** The pod that has the lease, if it is one of a service; else the one that is named. */
  #podOf(where: Where, lease: LeaseId): Pod | undefined {
    const service = serviceOf(where);
    const id = service ? this.#services.get(service)?.at(lease) : (where as PodId);
    return id && this.#pods.get(id);
  }

  /** What is held of a lease that is renewed for this pod, by whichever pod of its service is to have it. */
  #settled(pod: Pod, lease: LeaseId, moved: boolean): Held | undefined {
    const other = this.#podOf(pod.id, lease);
    const held = other?.leases.get(lease);
    if (other === pod || (held?.spokenOf && !moved)) return held;
    remove(other, lease);
    return undefined;
  }

  #remember(where: Where, leases: readonly LeaseId[], forMs: number): void {
    const nowMs = this.#nowMs();
    for (const lease of leases) {
      const ended = inGroup(where, lease);
      this.#ended.delete(ended); // to the end of the order
      this.#ended.set(ended, nowMs + forMs);
    }
    for (const [ended, untilMs] of this.#ended) {
      if (untilMs > nowMs && this.#ended.size <= ENDED_MAX) break;
      this.#ended.delete(ended);
    }
  }
}

function* storedLeases(leases: Pod['leases'], nowMs: number): Generator<StoredLease> {
  for (const [lease, { expiryMs, spokenOf, told, held, holder }] of leases) {
    const is = (holds: boolean, flag: number) => (holds ? flag : 0);
    const flags =
      is(holder.state === 'live', LeaseFlag.live) |
      is(spokenOf, LeaseFlag.spokenOf) |
      is(told, LeaseFlag.told) |
      is(held, LeaseFlag.held);
    yield { lease, leftMs: expiryMs - nowMs, flags, path: holder.path, client: holder.client };
  }
}

function heldAs({ leftMs, flags, path, client }: StoredLease, nowMs: number): Held {
  const state = flags & LeaseFlag.live ? 'live' : 'reserved';
  const has = (flag: number) => (flags & flag) !== 0;
  return {
    expiryMs: nowMs + leftMs,
    spokenOf: has(LeaseFlag.spokenOf),
    told: has(LeaseFlag.told),
    held: has(LeaseFlag.held),
    holder: newHolder(state, path, client),
  };
}

function add(pod: Pod, lease: LeaseId, held: Held): void {
  pod.leases.set(lease, held);
  tally(pod.proxies, proxyOf(lease), 1);
  pod.service?.came(pod.id, lease, pod.leases.size);
}

function remove(pod: Pod | undefined, lease: LeaseId): boolean {
  if (!pod?.leases.delete(lease)) return false;
  tally(pod.proxies, proxyOf(lease), -1);
  pod.service?.went(pod.id, lease, pod.leases.size);
  return true;
}

/** The pods of a service share what has ended and what was taken out by silence. */
function inGroup(where: Where, lease: LeaseId): string {
  return `${serviceOf(where) ?? where} ${lease}`;
}

/** Nothing has happened in the future: the clock was set back. */
function before(known: Promised, timeMs: number): Promised {
  return {
    ...known,
    logMs: Math.min(known.logMs, timeMs),
    lostMs: Math.min(known.lostMs, timeMs),
    stuckMs: Math.min(known.stuckMs, timeMs),
    foundMs: Math.min(known.foundMs, timeMs),
    missedMs: Math.min(known.missedMs, timeMs),
    overlookedMs: Math.min(known.overlookedMs, timeMs),
  };
}

/** Nobody was seen in the future: the clock was set back. */
function noneLater(members: Map<string, number>, timeMs: number): void {
  for (const [name, seenMs] of members) if (seenMs > timeMs) members.set(name, timeMs);
}

function silent(members: Map<string, number>, sinceMs: number): [string, number][] {
  return [...members].filter(([, seenMs]) => seenMs < sinceMs);
}

function done<T>(value: T): Answer<T> {
  return { ok: true, value };
}
