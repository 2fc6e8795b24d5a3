/**
 * The lease contract as a plain model: what a store would be if it were one, without hurry and without company. It
 * keeps the sets and the members, and works out all else from them anew each time.
 */

import { type LeaseId, type PodId, type ProxyId, proxyOf } from '../../src/admission/ids.ts';
import {
  type Acquired,
  type Expired,
  type Heartbeat,
  type Holder,
  type LeaseTimes,
  type Membership,
  newRenewed,
  type Renewal,
  type Renewed,
  type Silence,
} from '../../src/admission/lease-store.ts';

interface Held {
  readonly expiryMs: number;
  /** Undefined where nobody has told. */
  readonly holder: Holder | undefined;
  readonly spokenOf: boolean;
  readonly told: boolean;
  readonly held: boolean;
}

const NEW = { spokenOf: false, told: false, held: false };

export class LeaseModel {
  nowMs = 0;
  readonly #leases = new Map<PodId, Map<LeaseId, Held>>();
  readonly #members: Record<Membership, Map<string, number>> = {
    gates: new Map(),
    proxies: new Map(),
    pods: new Map(),
  };
  readonly #used = new Set<PodId>();
  /** By pod and lease. */
  readonly #lapsed = new Set<string>();
  /** By pod and lease, until when. */
  readonly #ended = new Map<string, number>();

  acquire(pod: PodId, lease: LeaseId, limit: number, reserveMs: number, path: string): Acquired {
    this.#used.add(pod);
    const leases = this.held(pod);
    if (this.#hasEnded(pod, lease)) return { admitted: false, count: leases.size, ended: true };
    const held = leases.get(lease);
    if (!held && leases.size >= limit) return { admitted: false, count: leases.size };
    const expiryMs = this.nowMs + reserveMs;
    if (!held) leases.set(lease, { ...NEW, expiryMs, holder: { state: 'reserved', path } });
    else leases.set(lease, { ...held, expiryMs: Math.max(expiryMs, held.expiryMs), spokenOf: true });
    return { admitted: true, count: leases.size };
  }

  renew(pod: PodId, renewals: readonly Renewal[], ttlMs: number): Renewed {
    this.#used.add(pod);
    const leases = this.held(pod);
    const before = leases.size;
    const inherited = new Set<ProxyId>();
    const late = new Set<ProxyId>();
    for (const { lease, holder, first = false, overdue = false, ...is } of renewals) {
      const held = leases.get(lease);
      const told = is.told === true || held?.told === true;
      if (overdue && !told) late.add(proxyOf(lease));
      if (!held && this.#hasEnded(pod, lease)) continue;
      if (held?.told && first) inherited.add(proxyOf(lease));
      leases.set(lease, {
        expiryMs: this.nowMs + ttlMs,
        spokenOf: true,
        told,
        held: is.held === true || held?.held === true,
        holder: holder ?? held?.holder,
      });
    }
    return newRenewed(leases.size - before, leases.size, [...inherited], [...late]);
  }

  /** Whether within the last so many ms it was forgotten that a lease has ended. */
  forgot(ms: number): boolean {
    return this.#ended.values().some((untilMs) => untilMs <= this.nowMs && untilMs > this.nowMs - ms);
  }

  #hasEnded(pod: PodId, lease: LeaseId): boolean {
    return (this.#ended.get(`${pod} ${lease}`) ?? Number.NEGATIVE_INFINITY) > this.nowMs;
  }

  release(pod: PodId, leases: readonly LeaseId[], endedMs: number): number {
    this.#used.add(pod);
    if (endedMs > 0) for (const lease of leases) this.#ended.set(`${pod} ${lease}`, this.nowMs + endedMs);
    return leases.filter((lease) => this.held(pod).delete(lease)).length;
  }

  withdraw(pod: PodId, leases: readonly LeaseId[]): number {
    return this.release(
      pod,
      leases.filter((lease) => this.held(pod).get(lease)?.spokenOf === false),
      0,
    );
  }

  expire(pod: PodId, silences: readonly Silence[], times: LeaseTimes): Expired {
    const leases: LeaseId[] = [];
    const outlived: LeaseId[] = [];
    const waiting = new Map<ProxyId, number>();
    const overlooked = new Set<ProxyId>();
    const unheld = new Map<ProxyId, number>();
    for (const [lease, { expiryMs, spokenOf, told, held }] of this.held(pod)) {
      if (expiryMs >= this.nowMs) continue;
      const lastWordMs = expiryMs - (spokenOf ? times.ttlMs : times.reserveMs);
      const silence = silences.find(({ proxy }) => proxy === proxyOf(lease));
      const isSilent =
        silence && lastWordMs < this.nowMs - silence.silentMs && lastWordMs > silence.unheardUntilMs
          ? silence
          : undefined;
      const isUntellable = held && !silence?.tellsHeld;
      const sinceMs = held ? silence?.heldCompleteSinceMs : silence?.completeSinceMs;
      const isOverlooked = isSilent && !told && !isUntellable && lastWordMs > (sinceMs ?? 0);
      if (isOverlooked) overlooked.add(proxyOf(lease));
      if (isSilent && !isOverlooked && (told || !(isUntellable || isSilent.toldOnly))) leases.push(lease);
      else if (lastWordMs < this.nowMs - times.unrenewedMaxMs) outlived.push(lease);
      else {
        waiting.set(proxyOf(lease), (waiting.get(proxyOf(lease)) ?? 0) + 1);
        if (held && !told) unheld.set(proxyOf(lease), (unheld.get(proxyOf(lease)) ?? 0) + 1);
      }
    }
    this.release(pod, [...leases, ...outlived], 0);
    for (const lease of leases) this.#lapsed.add(`${pod} ${lease}`);
    return { leases, outlived, waiting, overlooked: [...overlooked], unheld, count: this.held(pod).size };
  }

  lapsed(pod: PodId, leases: readonly LeaseId[]): LeaseId[] {
    return leases.filter((lease) => this.#lapsed.delete(`${pod} ${lease}`));
  }

  heartbeat({ gate, proxies, pods, gateSilentMs, proxySilentMs }: Heartbeat) {
    for (const members of Object.values(this.#members)) {
      for (const [name, seenMs] of members) members.set(name, Math.min(seenMs, this.nowMs)); // the clock was set back
    }
    this.#members.gates.set(gate, this.nowMs);
    for (const proxy of proxies) this.#members.proxies.set(proxy, this.nowMs);
    for (const pod of pods) this.#members.pods.set(pod, this.nowMs);
    for (const pod of pods) this.#used.add(pod);
    const silentGates = this.#silent('gates', gateSilentMs);
    const gates = this.#members.gates.size - silentGates.length;
    return { gates, silentGates, silentProxies: this.#silent('proxies', proxySilentMs) };
  }

  register(proxies: readonly ProxyId[]): void {
    const members = this.#members.proxies;
    for (const proxy of proxies) members.set(proxy, members.get(proxy) ?? this.nowMs);
  }

  remove(membership: Membership, names: readonly string[], silentMs: number): void {
    const silent = this.#silent(membership, silentMs);
    for (const name of names) {
      if (!silent.includes(name)) continue;
      this.#members[membership].delete(name);
      if (membership === 'pods') this.#used.delete(name as PodId);
    }
  }

  leave(gate: string): void {
    this.#members.gates.delete(gate);
  }

  held(pod: PodId): Map<LeaseId, Held> {
    const held = this.#leases.get(pod) ?? new Map<LeaseId, Held>();
    this.#leases.set(pod, held);
    return held;
  }

  proxies(pod: PodId): Map<ProxyId, number> {
    const byProxy = Map.groupBy(this.held(pod).keys(), proxyOf);
    return new Map([...byProxy].map(([proxy, leases]) => [proxy, leases.length]));
  }

  /** Pods that `pods()` has to list, and those that it may: memberships are not atomic with the leases. */
  pods(): { atLeast: PodId[]; atMost: PodId[] } {
    const atMost = [...this.#used];
    return { atLeast: atMost.filter((pod) => this.#members.pods.has(pod) && this.held(pod).size > 0), atMost };
  }

  #silent(membership: Membership, silentMs: number): string[] {
    return [...this.#members[membership]].filter(([, seenMs]) => seenMs < this.nowMs - silentMs).map(([name]) => name);
  }
}
