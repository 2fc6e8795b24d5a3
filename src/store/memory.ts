/**
 * The embedded store: leases in this process's memory, for a single gate. Without a file (`file/`) a restart forgets
 * them; the access log brings the live ones back within one flush interval, and until then the store says that it is
 * young.
 */

import { type LeaseId, type PodId, type ProxyId, proxyOf } from '../admission/ids.ts';
import type {
  Acquired,
  Answer,
  Expired,
  Fleet,
  Heartbeat,
  Holder,
  LeasePage,
  LeaseStore,
  Renewal,
  Renewed,
  Roll,
  RollCall,
} from '../admission/lease-store.ts';
import { LeaseFlag, type Snapshot, type StoredEnd, type StoredLease, type StoredPod } from './file/snapshot.ts';

/** Ended leases that are remembered; the oldest are forgotten first. */
const ENDED_MAX = 100_000;

interface Held {
  expiryMs: number;
  /** Whether anybody has spoken of it since it was acquired. */
  spokenOf: boolean;
  holder: Holder;
}

interface Pod {
  readonly leases: Map<LeaseId, Held>;
  readonly proxies: Map<ProxyId, number>;
}

export class MemoryStore implements LeaseStore {
  readonly up = true;
  readonly #nowMs: () => number;
  readonly #sinceMs: number;
  readonly #pods = new Map<PodId, Pod>();
  /** By pod and lease: until when no renewal puts it back. In the order in which they ended. */
  readonly #ended = new Map<string, number>();
  /** Gates that found this store after they had lost another, of how many, and when the last one did. */
  readonly #back: { readonly names: Set<string>; of: number; lastMs: number };
  readonly #rolls: Record<Roll, Map<string, number>> = { gates: new Map(), proxies: new Map(), pods: new Map() };
  #changes = 0;

  constructor(nowMs: () => number, remembered?: Snapshot) {
    this.#nowMs = nowMs;
    this.#sinceMs = nowMs() - (remembered?.wholeForMs ?? 0);
    this.#back = { names: new Set(), of: 0, lastMs: this.#sinceMs };
    if (remembered) this.#takeUp(remembered);
  }

  /** Goes up when leases come, go or open. A renewal alone changes nothing that a restart would miss. */
  get changes(): number {
    return this.#changes;
  }

  /**
   * All that is to outlive this process; not the roll of gates, which has only this one. It is of one moment if it is
   * read before anything changes.
   */
  snapshot(): Snapshot {
    const nowMs = this.#nowMs();
    return {
      wholeForMs: nowMs - this.#sinceMs,
      pods: this.#storedPods(nowMs),
      ended: this.#storedEnds(nowMs),
      proxies: this.#rolls.proxies.keys() as Iterable<ProxyId>,
    };
  }

  async acquire(
    podId: PodId,
    lease: LeaseId,
    limit: number,
    reserveMs: number,
    path: string,
  ): Promise<Answer<Acquired>> {
    const pod = this.#pod(podId);
    const expiryMs = this.#nowMs() + reserveMs;
    const held = pod.leases.get(lease);
    if (held) {
      held.expiryMs = Math.max(held.expiryMs, expiryMs);
      held.spokenOf = true;
    } else if (pod.leases.size >= limit) return done({ admitted: false, count: pod.leases.size });
    else {
      add(pod, lease, { expiryMs, spokenOf: false, holder: { state: 'reserved', path } });
      this.#changes += 1;
    }
    return done({ admitted: true, count: pod.leases.size });
  }

  async renew(podId: PodId, leases: readonly Renewal[], ttlMs: number): Promise<Answer<Renewed>> {
    const pod = this.#pod(podId);
    const nowMs = this.#nowMs();
    const expiryMs = nowMs + ttlMs;
    let created = 0;
    for (const { lease, holder } of leases) {
      const held = pod.leases.get(lease);
      if (!held || holder) this.#changes += 1;
      if (held) {
        held.expiryMs = expiryMs;
        held.spokenOf = true;
        if (holder) held.holder = holder;
      } else if ((this.#ended.get(`${podId} ${lease}`) ?? 0) <= nowMs) {
        add(pod, lease, { expiryMs, spokenOf: true, holder: holder ?? { state: 'live', path: '' } });
        created += 1;
      }
    }
    return done({ created, count: pod.leases.size });
  }

  async release(podId: PodId, leases: readonly LeaseId[], endedMs: number): Promise<Answer<number>> {
    this.#changes += 1;
    if (endedMs > 0) this.#remember(podId, leases, endedMs);
    const pod = this.#pods.get(podId);
    return done(pod ? leases.filter((lease) => remove(pod, lease)).length : 0);
  }

  async withdraw(podId: PodId, leases: readonly LeaseId[]): Promise<Answer<number>> {
    const pod = this.#pods.get(podId);
    if (!pod) return done(0);
    this.#changes += 1;
    return done(leases.filter((lease) => pod.leases.get(lease)?.spokenOf === false && remove(pod, lease)).length);
  }

  async expire(podId: PodId, proxies: readonly ProxyId[]): Promise<Answer<Expired>> {
    const pod = this.#pods.get(podId);
    if (!pod) return done({ leases: [], waiting: [], count: 0 });
    const nowMs = this.#nowMs();
    const named = new Set(proxies);
    const leases: LeaseId[] = [];
    const waiting = new Set<ProxyId>();
    for (const [lease, held] of pod.leases) {
      if (held.expiryMs >= nowMs) continue;
      const proxy = proxyOf(lease);
      if (named.has(proxy)) leases.push(lease);
      else waiting.add(proxy);
    }
    for (const lease of leases) remove(pod, lease);
    this.#changes += leases.length;
    return done({ leases, waiting: [...waiting], count: pod.leases.size });
  }

  async pods(): Promise<Answer<readonly PodId[]>> {
    return done([...this.#pods.keys()]);
  }

  async fleet(pods: readonly PodId[]): Promise<Answer<Fleet>> {
    const counts = pods.map((id) => {
      const pod = this.#pods.get(id);
      return { pod: id, connections: pod?.leases.size ?? 0, proxies: new Map(pod?.proxies) };
    });
    return done({ timeMs: this.#nowMs(), pods: counts });
  }

  /** Pages in the order of lease ids; the cursor is the last one seen. */
  async leases(podId: PodId, size: number, cursor?: string): Promise<Answer<LeasePage>> {
    const all = [...(this.#pods.get(podId)?.leases ?? [])]
      .map(([lease, { holder }]) => ({ lease, holder }))
      .filter(({ lease }) => cursor === undefined || lease > cursor)
      .sort((a, b) => (a.lease < b.lease ? -1 : 1));
    const leases = all.slice(0, size);
    const last = leases.at(-1);
    return done(last && all.length > size ? { leases, next: last.lease } : { leases });
  }

  async heartbeat(beat: Heartbeat): Promise<Answer<RollCall>> {
    const timeMs = this.#nowMs();
    const { gates, proxies, pods } = this.#rolls;
    gates.set(beat.gate, timeMs);
    for (const proxy of beat.proxies) proxies.set(proxy, timeMs);
    for (const pod of beat.pods) pods.set(pod, timeMs);
    const quietGates = quiet(gates, timeMs - beat.gateQuietMs);
    return done({
      timeMs,
      wholeSinceMs: this.#sinceMs,
      ...this.#waited(beat, timeMs),
      gates: gates.size - quietGates.length,
      quietGates,
      quietProxies: quiet(proxies, timeMs - beat.proxyQuietMs) as ProxyId[],
    });
  }

  #waited({ gate, before }: Heartbeat, timeMs: number): Pick<RollCall, 'gatesAwaited' | 'gatesBackMs'> {
    const { gates, wholeSinceMs, awaitMs } = before ?? { gates: 0, wholeSinceMs: 0, awaitMs: 0 };
    const back = this.#back;
    if (timeMs >= this.#sinceMs + awaitMs) return { gatesAwaited: 0, gatesBackMs: back.lastMs };
    if (gates > 0 && wholeSinceMs !== this.#sinceMs && !back.names.has(gate)) {
      back.names.add(gate);
      back.of = Math.max(back.of, gates);
      back.lastMs = timeMs;
    }
    return { gatesAwaited: Math.max(0, back.of - back.names.size), gatesBackMs: back.lastMs };
  }

  async enroll(proxies: readonly ProxyId[]): Promise<Answer<void>> {
    const roll = this.#rolls.proxies;
    for (const proxy of proxies) if (!roll.has(proxy)) roll.set(proxy, this.#nowMs());
    return done(undefined);
  }

  async strike(roll: Roll, names: readonly string[], quietMs: number): Promise<Answer<void>> {
    const nowMs = this.#nowMs();
    for (const name of names) {
      if (nowMs - (this.#rolls[roll].get(name) ?? nowMs) <= quietMs) continue;
      this.#rolls[roll].delete(name);
      if (roll === 'pods' && this.#pods.get(name as PodId)?.leases.size === 0) this.#pods.delete(name as PodId);
    }
    return done(undefined);
  }

  async farewell(gate: string): Promise<Answer<void>> {
    this.#rolls.gates.delete(gate);
    return done(undefined);
  }

  async close(): Promise<void> {}

  /** Proxies may have spoken while there was no gate: their silence begins now. */
  #takeUp({ pods, ended, proxies }: Snapshot): void {
    const nowMs = this.#nowMs();
    for (const { pod: id, usedAgoMs, leases } of pods) {
      const pod = this.#pod(id);
      this.#rolls.pods.set(id, nowMs - usedAgoMs);
      for (const stored of leases) if (!pod.leases.has(stored.lease)) add(pod, stored.lease, heldAs(stored, nowMs));
    }
    for (const { pod, lease, leftMs } of ended) this.#ended.set(`${pod} ${lease}`, nowMs + leftMs);
    for (const proxy of proxies) this.#rolls.proxies.set(proxy, nowMs);
  }

  *#storedPods(nowMs: number): Generator<StoredPod> {
    for (const [pod, { leases }] of this.#pods) {
      const usedAgoMs = nowMs - (this.#rolls.pods.get(pod) ?? nowMs);
      yield { pod, usedAgoMs, leases: storedLeases(leases, nowMs) };
    }
  }

  *#storedEnds(nowMs: number): Generator<StoredEnd> {
    for (const [ended, untilMs] of this.#ended) {
      const [pod, lease] = ended.split(' ');
      if (untilMs > nowMs) yield { pod: pod as PodId, lease: lease as LeaseId, leftMs: untilMs - nowMs };
    }
  }

  #pod(id: PodId): Pod {
    let pod = this.#pods.get(id);
    if (!pod) {
      pod = { leases: new Map(), proxies: new Map() };
      this.#pods.set(id, pod);
    }
    return pod;
  }

  #remember(pod: PodId, leases: readonly LeaseId[], forMs: number): void {
    const nowMs = this.#nowMs();
    for (const lease of leases) {
      const ended = `${pod} ${lease}`;
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
  for (const [lease, { expiryMs, spokenOf, holder }] of leases) {
    const flags = (holder.state === 'live' ? LeaseFlag.live : 0) | (spokenOf ? LeaseFlag.spokenOf : 0);
    yield { lease, leftMs: expiryMs - nowMs, flags, path: holder.path };
  }
}

function heldAs({ leftMs, flags, path }: StoredLease, nowMs: number): Held {
  const state = flags & LeaseFlag.live ? 'live' : 'reserved';
  return { expiryMs: nowMs + leftMs, spokenOf: (flags & LeaseFlag.spokenOf) !== 0, holder: { state, path } };
}

function add(pod: Pod, lease: LeaseId, held: Held): void {
  pod.leases.set(lease, held);
  const proxy = proxyOf(lease);
  pod.proxies.set(proxy, (pod.proxies.get(proxy) ?? 0) + 1);
}

function remove(pod: Pod, lease: LeaseId): boolean {
  if (!pod.leases.delete(lease)) return false;
  const proxy = proxyOf(lease);
  const left = (pod.proxies.get(proxy) ?? 0) - 1;
  if (left > 0) pod.proxies.set(proxy, left);
  else pod.proxies.delete(proxy);
  return true;
}

function quiet(roll: Map<string, number>, sinceMs: number): string[] {
  return [...roll].filter(([, seenMs]) => seenMs < sinceMs).map(([name]) => name);
}

function done<T>(value: T): Answer<T> {
  return { ok: true, value };
}
