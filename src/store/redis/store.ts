/**
 * The Redis store: the contract of `admission/lease-store.ts`, one script call for each operation. Calls for a pod go
 * through `pod-calls.ts`, which keeps their order; readings go over a connection of their own (`reads.ts`).
 */

import { chunks } from '../../admission/chunks.ts';
import type { Claims } from '../../admission/claims.ts';
import {
  endpointOf,
  type LeaseId,
  type PodId,
  type ProxyId,
  podOf,
  type ServiceId,
  type Where,
} from '../../admission/ids.ts';
import {
  type AboutGate,
  type Acquired,
  type Answer,
  AVOIDED,
  type Closing,
  type Enrolled,
  type Expired,
  type Fleet,
  type Gates,
  type Heartbeat,
  type HeartbeatReply,
  type HeldLease,
  type Holder,
  LEAST,
  type LeasePage,
  type LeaseStore,
  type LeaseTimes,
  type Listed,
  type MemberGate,
  type Membership,
  newHolder,
  newRenewed,
  type Order,
  type Placed,
  type PodCount,
  type Promised,
  type PromiseNews,
  type Renewal,
  type Renewed,
  type Silence,
  type SilentGate,
  type StoreAway,
} from '../../admission/lease-store.ts';
import type {
  AuditEntry,
  AuditNote,
  Enforced,
  Overridden,
  Override,
  OverrideChange,
  OverridesNow,
} from '../../admission/override.ts';
import { tally } from '../../admission/tally.ts';
import type { RedisLink } from '../../redis/link.ts';
import { Keys } from './keys.ts';
import { RedisOverrides } from './overrides.ts';
import { PodCalls } from './pod-calls.ts';
import type { Reads } from './reads.ts';
import { map, pairs } from './replies.ts';
import { scripts } from './scripts.ts';

/** Maximum number of gates that people are told of. */
const GATES_MAX = 1000;
/** Maximum number of leases past their expiry in one `expire` call, and of silent names in one `members` call. */
const BATCH = 1000;
/** What to close is remembered for so long, and so much of it at most. */
const CLOSING_MS = 60_000;
const CLOSINGS_MAX = 100_000;
/** Those that one call asks for. */
const CLOSINGS_PER_CALL = 1000;
/** The mark of an expiry (`keys.ts`). */
const HELD = 4;
/** A Redis process that nobody has told of for so long is forgotten. */
const PROCESS_FORGOTTEN_MS = 24 * 60 * 60 * 1000;
/** For so long it is remembered that a lease was taken out by silence. */
const LAPSED_MS = 24 * 60 * 60 * 1000;
/** What the fleet knows of a proxy is forgotten when there has been no news of it for so long. */
const PROMISE_MS = 7 * 24 * 60 * 60 * 1000;
/** The proxies that one call tells of, or asks for. */
const PROXIES_PER_CALL = 500;
/** The endpoints that one call enrols. */
const ENDPOINTS_PER_CALL = 500;
/** Those of a renewal, as one character each. */
const NO_FLAGS = '0'.charCodeAt(0);
/** The pods that one `fleet` asks for at a time, so that a scrape of thousands lets upgrades through in between. */
const PODS_AT_ONCE = 100;
/** Those that one script call counts, where it can: a call costs more than a pod in it. */
const PODS_PER_CALL = 20;

export interface RedisStoreOptions {
  readonly prefix: string;
  /** Whether to keep who holds each lease, for people to look at. */
  readonly info: boolean;
}

export class RedisStore implements LeaseStore {
  readonly #link: RedisLink;
  readonly #reads: Reads;
  readonly #keys: Keys;
  readonly #info: boolean;
  readonly #calls: PodCalls;
  readonly #overrides: RedisOverrides;

  constructor(link: RedisLink, reads: Reads, options: RedisStoreOptions) {
    this.#link = link;
    this.#reads = reads;
    this.#keys = new Keys(options.prefix);
    this.#info = options.info;
    this.#calls = new PodCalls(link, this.#keys);
    this.#overrides = new RedisOverrides(link, this.#keys);
  }

  get up(): boolean {
    return this.#link.up;
  }

  acquire(claims: Claims, lease: LeaseId, reserveMs: number, path: string, client?: string): Promise<Answer<Acquired>> {
    return this.#calls.acquire(claims, lease, reserveMs, this.#infoOf(newHolder('reserved', path, client)));
  }

  place(
    service: ServiceId,
    lease: LeaseId,
    reserveMs: number,
    path: string,
    client?: string,
    choice = LEAST,
  ): Promise<Answer<Placed>> {
    return this.#calls.place(service, lease, reserveMs, this.#infoOf(newHolder('reserved', path, client)), choice);
  }

  enrol(service: ServiceId, pods: ReadonlyMap<PodId, number>, order: Order = {}, list = ''): Promise<Answer<Enrolled>> {
    return this.#calls.writing(this.#enrol(service, pods, order, list));
  }

  async enrolled(service: ServiceId): Promise<Answer<ReadonlyMap<PodId, number>>> {
    const known = await this.#link.call('enrolled', (redis) => redis.hgetall(this.#keys.configured(service)));
    return map(known, (limits) => {
      const pods = Object.entries(limits).map(
        ([endpoint, limit]) => [podOf(service, endpoint), Number(limit)] as const,
      );
      return new Map(pods);
    });
  }

  async listed(service: ServiceId, gate: string, list: string, forgetMs: number): Promise<Answer<Listed>> {
    return map(await this.#calls.run(scripts.listed, service, [gate, list, forgetMs]), (reply) => {
      const [counts, isEnrolled, by] = reply as [number, number, string];
      return { counts: counts === 1, isEnrolled: isEnrolled === 1, by };
    });
  }

  async avoid(pod: PodId): Promise<Answer<number>> {
    const args = [AVOIDED.firstMs, AVOIDED.maxMs];
    return map(await this.#calls.run(scripts.avoid, pod, args), (reply) => reply as number);
  }

  async #enrol(
    service: ServiceId,
    pods: ReadonlyMap<PodId, number>,
    order: Order,
    list: string,
  ): Promise<Answer<Enrolled>> {
    const known = await this.#link.call('enrolled', (redis) => redis.hgetall(this.#keys.limits(service)));
    if (!known.ok) return known;
    const { softLimit = '', zones } = order;
    const now = new Map(
      [...pods].map(([pod, limit]) => [endpointOf(pod) ?? '', [limit, zones?.get(pod) ?? '']] as const),
    );
    const gone = Object.keys(known.value).filter((endpoint) => !now.has(endpoint));
    const all = [...now, ...gone.map((endpoint) => [endpoint, ['', '']] as const)];
    const parts = all.length > 0 ? [...chunks(all, ENDPOINTS_PER_CALL)] : [[]];
    const [joined, left]: [PodId[], PodId[]] = [[], []];
    const podsAt = (endpoints: readonly string[]) => endpoints.map((endpoint) => podOf(service, endpoint));
    for (const [i, some] of parts.entries()) {
      const completes = i === parts.length - 1 ? list : '';
      const args = some.flatMap(([endpoint, [limit, zone]]) => [endpoint, limit, zone]);
      const answer = await this.#calls.run(scripts.enrol, service, [softLimit, completes, ...args]);
      if (!answer.ok) return answer;
      const [came, went] = answer.value as [string[], string[]];
      joined.push(...podsAt(came));
      left.push(...podsAt(went));
    }
    return { ok: true, value: { joined, left } };
  }

  async avoided(service: ServiceId): Promise<Answer<ReadonlyMap<PodId, number>>> {
    const away = await this.#cannotRead();
    if (away) return away;
    const key = this.#keys.avoided(service);
    const answer = await this.#reads.call('avoided', (redis) => redis.zrange(key, '0', '-1', 'WITHSCORES'));
    return map(answer, (reply) => {
      const all = pairs(reply).map(([endpoint, untilMs]) => [podOf(service, endpoint), Number(untilMs)] as const);
      return new Map(all);
    });
  }

  async renew(pod: PodId, leases: readonly Renewal[], ttlMs: number): Promise<Answer<Renewed>> {
    const args: (string | number)[] = [ttlMs, 0, ''];
    let flags = '';
    const flag = (renewal: Renewal) => {
      flags += String.fromCharCode(NO_FLAGS + flagsOf(renewal));
    };
    for (const renewal of leases) {
      if (renewal.holder) continue;
      args.push(renewal.lease);
      flag(renewal);
    }
    args[1] = args.length - 3;
    for (const renewal of leases) {
      if (!renewal.holder) continue;
      args.push(renewal.lease, this.#infoOf(renewal.holder));
      flag(renewal);
    }
    args[2] = flags;
    return map(await this.#calls.add(scripts.renew, pod, args), (reply) => {
      const [created, count, inherited, overdue] = reply as [number, number, ProxyId[], ProxyId[]];
      return newRenewed(created, count, inherited, overdue);
    });
  }

  async release(pod: Where, leases: readonly LeaseId[], endedMs: number): Promise<Answer<number>> {
    return map(await this.#calls.take(scripts.release, pod, [endedMs, ...leases]), (reply) => reply as number);
  }

  async withdraw(pod: Where, leases: readonly LeaseId[]): Promise<Answer<number>> {
    return map(await this.#calls.take(scripts.withdraw, pod, leases), (reply) => reply as number);
  }

  expire(pod: PodId, silences: readonly Silence[], times: LeaseTimes): Promise<Answer<Expired>> {
    return this.#calls.writing(this.#expire(pod, silences, times));
  }

  async #expire(pod: PodId, silences: readonly Silence[], times: LeaseTimes): Promise<Answer<Expired>> {
    const leases: LeaseId[] = [];
    const outlived: LeaseId[] = [];
    const waiting = new Map<ProxyId, number>();
    const overlooked = new Set<ProxyId>();
    const unheld = new Map<ProxyId, number>();
    const rules = silences.flatMap(
      ({ proxy, silentMs, unheardUntilMs, completeSinceMs, toldOnly, tellsHeld, heldCompleteSinceMs }) => [
        proxy,
        silentMs,
        unheardUntilMs,
        completeSinceMs,
        toldOnly ? 1 : 0,
        tellsHeld ? 1 : 0,
        heldCompleteSinceMs,
      ],
    );
    const { ttlMs, reserveMs, unrenewedMaxMs } = times;
    for (let skip = 0; ; ) {
      const args = [skip, BATCH, ttlMs, reserveMs, unrenewedMaxMs, LAPSED_MS, ...rules];
      const answer = await this.#calls.run(scripts.expire, pod, args);
      if (!answer.ok) return answer;
      const [silent, outlasted, others, overlooking, left, more, count, unheldNow] = answer.value as Expiry;
      leases.push(...silent);
      outlived.push(...outlasted);
      for (const [proxy, left] of leasesOf(others)) tally(waiting, proxy, left);
      for (const [proxy, left] of leasesOf(unheldNow)) tally(unheld, proxy, left);
      for (const proxy of overlooking) overlooked.add(proxy);
      if (more === 0) {
        return { ok: true, value: { leases, outlived, waiting, overlooked: [...overlooked], unheld, count } };
      }
      skip += left;
    }
  }

  async lapsed(pod: Where, leases: readonly LeaseId[]): Promise<Answer<readonly LeaseId[]>> {
    return map(await this.#calls.run(scripts.lapsed, pod, leases), (reply) => reply as LeaseId[]);
  }

  async expiries(pod: PodId, leases: readonly LeaseId[]): Promise<Answer<readonly (number | undefined)[]>> {
    return map(await this.#calls.run(scripts.expiries, pod, leases), (reply) =>
      (reply as (string | null)[]).map((expiry) => (expiry === null ? undefined : Number(expiry))),
    );
  }

  async mayBeHeld(pod: PodId, lease: LeaseId): Promise<Answer<boolean>> {
    return map(await this.expiries(pod, [lease]), ([expiry]) => expiry !== undefined && isHeld(expiry));
  }

  async pods(asker: 'gate' | 'people' = 'gate'): Promise<Answer<readonly PodId[]>> {
    const away = asker === 'people' ? await this.#cannotRead() : undefined;
    if (away) return away;
    const over = asker === 'people' ? this.#reads : this.#link;
    return over.call('pods', async (redis) => (await redis.zrange(this.#keys.members('pods'), '0', '-1')) as PodId[]);
  }

  async proxies(): Promise<Answer<readonly ProxyId[]>> {
    const away = await this.#cannotRead();
    if (away) return away;
    const proxies = this.#keys.members('proxies');
    return this.#reads.call('proxies', async (redis) => (await redis.zrange(proxies, '0', '-1')) as ProxyId[]);
  }

  async gates(): Promise<Answer<Gates>> {
    const away = await this.#cannotRead();
    if (away) return away;
    const keys = [this.#keys.members('gates'), this.#keys.ofGates('about')];
    return map(await this.#reads.run(scripts.gates, keys, [GATES_MAX]), (reply) => {
      const [timeMs, members, told] = reply as [number, string[], string[]];
      const abouts = new Map(pairs(told));
      return { timeMs, gates: pairs(members).map(([gate, seen]) => member(gate, Number(seen), abouts.get(gate))) };
    });
  }

  async fleet(pods: readonly PodId[]): Promise<Answer<Fleet>> {
    const away = await this.#cannotRead();
    if (away) return away;
    const time = await this.#reads.call('time', (redis) => redis.time());
    if (!time.ok) return time;
    const counts: PodCount[] = [];
    const perCall = this.#link.isOneNode ? PODS_PER_CALL : 1;
    for (const some of chunks(pods, PODS_AT_ONCE)) {
      const answers = await Promise.all([...chunks(some, perCall)].map((few) => this.#count(few)));
      for (const answer of answers) {
        if (!answer.ok) return answer;
        counts.push(...answer.value);
      }
    }
    const [seconds, microseconds] = time.value;
    return {
      ok: true,
      value: { timeMs: Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000), pods: counts },
    };
  }

  async #count(pods: readonly PodId[]): Promise<Answer<PodCount[]>> {
    const keys = pods.flatMap((pod) => this.#keys.pod(pod).slice(0, 2));
    return map(await this.#reads.run(scripts.snapshot, keys, []), (reply) => {
      const counts = reply as (number | string)[];
      return pods.map((pod, i) => ({
        pod,
        connections: Number(counts[2 * i]),
        proxies: leasesOf(String(counts[2 * i + 1])),
      }));
    });
  }

  /** All lease ids are read for each page, some at a time, so that Redis serves others in between. */
  async leases(pod: PodId, size: number, after?: LeaseId): Promise<Answer<LeasePage>> {
    const away = await this.#cannotRead();
    if (away) return away;
    const keys = this.#keys.pod(pod);
    const all = new Set<LeaseId>();
    let cursor = '0';
    do {
      const answer = await this.#reads.run(scripts.leases, keys, [cursor, BATCH]);
      if (!answer.ok) return answer;
      const [next, some] = answer.value as [string, LeaseId[]];
      for (const lease of some) if (after === undefined || lease > after) all.add(lease);
      cursor = next;
    } while (cursor !== '0');
    const page = [...all].sort().slice(0, size);
    const last = page.at(-1);
    return map(await this.#reads.run(scripts.holders, keys, page), (reply) => {
      const known = reply as (string | null)[];
      const leases = page.map((lease, i) => held(lease, known[2 * i] ?? null, Number(known[2 * i + 1] ?? 0)));
      return last && all.size > size ? { leases, next: last } : { leases };
    });
  }

  async heartbeat(beat: Heartbeat): Promise<Answer<HeartbeatReply>> {
    const call = async (of: Membership, silentMs: number, silentMax: number, names: readonly string[]) =>
      map(await this.#link.run(scripts.members, [this.#keys.members(of)], [silentMs, silentMax, ...names]), (reply) => {
        const [timeMs, flat, present] = reply as [number, string[], number];
        return { timeMs, silent: pairs(flat), present };
      });
    const processes = await this.#link.processes();
    const before = beat.before ?? { gates: 0, incarnationMs: 0, awaitMs: 0 };
    const { told, trusts, sinceMs, thereMs } = beat.outage ?? { told: true, trusts: true, sinceMs: 0, thereMs: 0 };
    const [incarnation, gates, proxies, pods, outage, about] = await Promise.all([
      this.#link.run(
        scripts.incarnation,
        [this.#keys.ofGates('history'), this.#keys.ofGates('back')],
        [PROCESS_FORGOTTEN_MS, beat.gate, before.gates, before.incarnationMs, before.awaitMs, ...processes],
      ),
      call('gates', beat.gateSilentMs, BATCH, [beat.gate]),
      call('proxies', beat.proxySilentMs, BATCH, beat.proxies),
      call('pods', 0, 0, beat.pods),
      this.#link.run(
        scripts.outage,
        [this.#keys.members('gates'), this.#keys.ofGates('told'), this.#keys.ofGates('doubting')],
        [beat.gate, told ? 1 : 0, trusts ? 1 : 0, sinceMs, thereMs, beat.gateSilentMs],
      ),
      this.#tellAbout(beat),
    ]);
    if (!incarnation.ok) return incarnation;
    if (!gates.ok) return gates;
    if (!proxies.ok) return proxies;
    if (!pods.ok) return pods;
    if (!outage.ok) return outage;
    if (!about.ok) return about;
    const [gatesBehind, gatesDoubting] = outage.value as [number, number];
    const [incarnationMs, gatesAwaited, gatesBackMs] = incarnation.value as [number, number, number];
    const { timeMs, silent, present } = gates.value;
    return {
      ok: true,
      value: {
        timeMs,
        incarnationMs,
        gatesAwaited,
        gatesBackMs,
        gates: present,
        gatesBehind,
        gatesDoubting,
        silentGates: silent.map(([gate, seen]): SilentGate => ({ gate, seenMs: Number(seen) })),
        silentProxies: proxies.value.silent.map(([proxy]) => proxy as ProxyId),
      },
    };
  }

  async #tellAbout({ gate, about }: Heartbeat): Promise<Answer<unknown>> {
    if (!about) return { ok: true, value: undefined };
    return this.#link.run(scripts.about, [this.#keys.ofGates('about')], [gate, JSON.stringify(about)]);
  }

  async register(proxies: readonly ProxyId[]): Promise<Answer<void>> {
    return map(await this.#link.run(scripts.register, [this.#keys.members('proxies')], proxies), () => undefined);
  }

  async tell(news: readonly PromiseNews[]): Promise<Answer<void>> {
    for (const some of chunks(news, PROXIES_PER_CALL)) {
      const args = some.flatMap(
        ({ intervalMs, pingMs, logged, lost, stuck, found, missed, overlooked, distrustForMs, tellsHeld }) => [
          intervalMs ?? '',
          pingMs ?? '',
          logged ? 1 : '',
          lost ?? '',
          stuck ?? '',
          found ? 1 : '',
          missed ? 1 : '',
          overlooked ? 1 : '',
          distrustForMs ?? '',
          tellsHeld ? 1 : '',
        ],
      );
      const keys = some.map(({ proxy }) => this.#keys.promised(proxy));
      const answer = await this.#link.run(scripts.tell, keys, [PROMISE_MS, ...args]);
      if (!answer.ok) return answer;
    }
    return { ok: true, value: undefined };
  }

  async promised(proxies: readonly ProxyId[]): Promise<Answer<ReadonlyMap<ProxyId, Promised>>> {
    const known = new Map<ProxyId, Promised>();
    for (const some of chunks(proxies, PROXIES_PER_CALL)) {
      const keys = some.map((proxy) => this.#keys.promised(proxy));
      const answer = await this.#link.run(scripts.promised, keys, []);
      if (!answer.ok) return answer;
      const replies = answer.value as string[][];
      some.forEach((proxy, i) => void known.set(proxy, promisedOf(replies[i] ?? [])));
    }
    return { ok: true, value: known };
  }

  async hears(gate: string, more: readonly ProxyId[], fewer: readonly ProxyId[]): Promise<Answer<void>> {
    const args = [PROMISE_MS, more.length, ...more, ...fewer];
    return map(await this.#link.run(scripts.hears, [this.#keys.hears(gate)], args), () => undefined);
  }

  heardBy(gate: string): Promise<Answer<readonly ProxyId[]>> {
    return this.#link.call(
      'heardBy',
      async (redis) => (await redis.zrange(this.#keys.hears(gate), '0', '-1')) as ProxyId[],
    );
  }

  async askToClose(closings: readonly Closing[]): Promise<Answer<void>> {
    const key = this.#keys.ofGates('closings');
    for (const some of chunks(closings, CLOSINGS_PER_CALL)) {
      const args = some.flatMap(({ pod, lease, reason, inMs = 0 }) => [Math.round(inMs), `${pod} ${lease} ${reason}`]);
      const answer = await this.#link.run(scripts.askToClose, [key], [CLOSING_MS, CLOSINGS_MAX, ...args]);
      if (!answer.ok) return answer;
    }
    return { ok: true, value: undefined };
  }

  async keepOpen(pod: PodId, reason: string): Promise<Answer<void>> {
    const key = this.#keys.ofGates('closings');
    return map(await this.#link.run(scripts.keepOpen, [key], [pod, reason]), () => undefined);
  }

  async toClose(sinceMs: number | 'now'): Promise<Answer<{ timeMs: number; closings: readonly Closing[] }>> {
    return map(await this.#link.run(scripts.toClose, [this.#keys.ofGates('closings')], [sinceMs]), (reply) => {
      const [timeMs, asked] = reply as [number, string[]];
      return { timeMs, closings: asked.map(closingOf) };
    });
  }

  override(change: OverrideChange): Promise<Answer<Overridden>> {
    return this.#overrides.override(change);
  }

  overrides(known: number): Promise<Answer<OverridesNow>> {
    return this.#overrides.overrides(known);
  }

  putBack(overrides: readonly Override[]): Promise<Answer<void>> {
    return this.#overrides.putBack(overrides);
  }

  enforce(pod: PodId, version: number, enforced: Enforced | undefined): Promise<Answer<void>> {
    return this.#overrides.enforce(pod, version, enforced);
  }

  note(note: AuditNote): Promise<Answer<AuditEntry>> {
    return this.#overrides.note(note);
  }

  audit(max: number): Promise<Answer<readonly AuditEntry[]>> {
    return this.#overrides.audit(max);
  }

  async remove(membership: Membership, names: readonly string[], silentMs: number): Promise<Answer<void>> {
    if (membership === 'gates') return this.#leave(names, silentMs);
    return map(
      await this.#link.run(scripts.remove, [this.#keys.members(membership)], [silentMs, ...names]),
      () => undefined,
    );
  }

  leave(gate: string): Promise<Answer<void>> {
    return this.#leave([gate], -1);
  }

  async #leave(gates: readonly string[], silentMs: number): Promise<Answer<void>> {
    const parts = (['told', 'doubting', 'about'] as const).map((part) => this.#keys.ofGates(part));
    const answer = await this.#link.run(
      scripts.leave,
      [this.#keys.members('gates'), ...parts, ...gates.map((gate) => this.#keys.hears(gate))],
      [silentMs, ...gates],
    );
    return map(answer, () => undefined);
  }

  async close(): Promise<void> {
    await Promise.all([this.#link.close(), this.#reads.close()]);
  }

  /** Resolves when what was asked for before has been answered; with why nothing can be read, if so. */
  async #cannotRead(): Promise<StoreAway | undefined> {
    await this.#calls.answered();
    return this.#reads.begin();
  }

  #infoOf(holder: Holder): string {
    return this.#info ? JSON.stringify(holder) : '';
  }
}

function closingOf(text: string): Closing {
  const [pod, lease, reason] = text.split(' ') as [PodId, LeaseId, string];
  return { pod, lease, reason };
}

/** What `expire.lua` returns. */
type Expiry = [LeaseId[], LeaseId[], string, ProxyId[], number, number, number, string];

/** From what `promised.lua` returns. */
function promisedOf(flat: readonly string[]): Promised {
  const fields = new Map(pairs(flat));
  const of = (field: string) => Number(fields.get(field) ?? 0);
  return {
    intervalMs: of('interval'),
    logMs: of('log'),
    lostMs: of('lost'),
    stuckMs: of('stuck'),
    foundMs: of('found'),
    missedMs: of('missed'),
    overlookedMs: of('overlooked'),
    tellsHeld: of('tellsHeld') > 0,
    distrustedUntilMs: of('distrusted'),
    pingMs: of('ping'),
  };
}

/** By proxy, from `proxy its-leases proxy its-leases ...`. */
function leasesOf(text: string): Map<ProxyId, number> {
  const flat = text === '' ? [] : text.split(' ');
  return new Map(pairs(flat).map(([proxy, leases]) => [proxy as ProxyId, Number(leases)]));
}

function isHeld(expiry: number): boolean {
  return expiry % (2 * HELD) >= HELD;
}

/** `known`: of one of a service, its endpoint stands before the JSON. */
function held(lease: LeaseId, known: string | null, expiry: number): HeldLease {
  const json = known?.indexOf('{') ?? -1;
  return {
    lease,
    ...(isHeld(expiry) ? { held: true } : {}),
    ...(known === null || json < 0 ? {} : { holder: JSON.parse(known.slice(json)) as Holder }),
  };
}

function member(gate: string, seenMs: number, about: string | undefined): MemberGate {
  return about === undefined ? { gate, seenMs } : { gate, seenMs, about: JSON.parse(about) as AboutGate };
}

function flagsOf({ told, first, held, moved, overdue }: Renewal): number {
  return [told, first, held, moved, overdue].reduce((sum, is, bit) => sum + (is ? 2 ** bit : 0), 0);
}
