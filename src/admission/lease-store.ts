/**
 * The store contract: where leases live. `store/memory.ts` and `store/redis/` fulfil it; `test/contract` holds both
 * to it.
 *
 * A pod's count is the size of its set of leases, so doing anything twice changes nothing. Each call is atomic for its
 * pod. Every time is the store's own clock, in milliseconds since the epoch: gates on machines whose clocks disagree
 * still agree on what has expired.
 *
 * An expired lease still counts. It stops counting when `expire` removes it, and `expire` is only asked to on evidence
 * that its connection is gone (`reaper.ts`): running out of time alone is not evidence.
 *
 * No call rejects, and none takes longer than the store's deadline, or that of readings. A store that cannot answer says
 * so by value (`StoreAway`). Calls are carried out in the order in which they were made, and any may be repeated.
 *
 * A lease has claims, the limits that it counts against: today one, that of its pod, in whose set it is.
 *
 * A lease of a service is at one of its pods only. Whoever ends or renews it may name another pod, or only the service: it
 * is found where it is.
 */

import type { Claims } from './claims.ts';
import type { LeaseId, PodId, ProxyId, ServiceId, Where } from './ids.ts';
import type {
  AuditEntry,
  AuditNote,
  Enforced,
  Overridden,
  Override,
  OverrideChange,
  OverridesNow,
} from './override.ts';

export type Answer<T> = { readonly ok: true; readonly value: T } | StoreAway;

export interface StoreAway {
  readonly ok: false;
  /** `timeout`: the deadline passed. `disconnected`: not sent, or the link broke. `refused`: the store answered with an error. */
  readonly why: 'timeout' | 'disconnected' | 'refused';
  readonly detail: string;
  /** Whether the call may have been carried out, or still may be. */
  readonly maybeDone: boolean;
}

/** A lease is reserved from `acquire` until the first `renew` says that its connection is open. */
export type LeaseState = 'reserved' | 'live';

export interface Acquired {
  readonly admitted: boolean;
  /** Number of the pod's leases, with this one if it was admitted. */
  readonly count: number;
  /** Its end is known already: what asks is a late word of a connection that is gone. */
  readonly ended?: true;
  /** The override by which it was judged, if the pod has one. */
  readonly limit?: number;
}

/** `unknown`: nobody has told the store which pods the service has. */
export type Placed =
  | {
      readonly placed: true;
      readonly pod: PodId;
      /** Number of its leases, with this one. */
      readonly count: number;
      readonly others?: readonly PodId[];
    }
  | { readonly placed: false; readonly why: 'full' | 'ended' | 'unknown' };

/**
 * Which pod of a service gets the next connection, of those that have room. `least`: the one with the most free slots.
 * `pack`: the one with the fewest, so that others become empty. `spread`: in the zone with the fewest connections the one
 * with the most free slots, so that the loss of a zone costs as few as can be.
 */
export type Pick = 'least' | 'pack' | 'spread';

/** How the pod for one upgrade is chosen. */
export interface Choice {
  readonly pick: Pick;
  /** These first, in their order, whatever the pick says: as far as they take new leases and have room. */
  readonly first?: readonly PodId[];
  /** So many further pods are told, those with the most room: for who is refused by the one that was chosen. */
  readonly others?: number;
}

/** What the pick goes by, beside the pods' limits. */
export interface Order {
  /** Pods that have fewer leases than this are picked before all others. */
  readonly softLimit?: number;
  /** Of pods that are to be spread over zones. */
  readonly zones?: ReadonlyMap<PodId, string>;
}

export const LEAST: Choice = { pick: 'least' };

export interface Enrolled {
  readonly joined: readonly PodId[];
  readonly left: readonly PodId[];
}

export interface Listed {
  /** Whether the list is the one that counts. */
  readonly counts: boolean;
  /** Whether its pods are those that are enrolled (`list` of `enrol`). */
  readonly isEnrolled: boolean;
  /** A gate that has the one that counts. */
  readonly by: string;
}

/** For how long a pod is avoided that refused a connection: at first, and at most. */
export const AVOIDED = { firstMs: 1000, maxMs: 60_000 } as const;

/** What the store keeps of a connection, beside its claim (it is in the set of its pod) and what its lease id tells. */
export interface Holder {
  readonly state: LeaseState;
  /** The request's path, without its query. */
  readonly path: string;
  /** As Envoy trusts it. Absent where it is the direct peer, or not known. */
  readonly client?: string;
}

export function newHolder(state: LeaseState, path: string, client: string | undefined): Holder {
  return client === undefined ? { state, path } : { state, path, client };
}

export interface Renewal {
  readonly lease: LeaseId;
  /** Given when the store may not have it yet. */
  readonly holder?: Holder;
  /** A periodic log entry has spoken of it: its proxy promises to go on doing so. */
  readonly told?: boolean;
  /** The gate that asks has never renewed it before. */
  readonly first?: boolean;
  /** A stream is held open for as long as its connection. */
  readonly held?: boolean;
  /** Its stream has been held for so long that a periodic entry would have told it, if its proxy renews. */
  readonly overdue?: boolean;
  /** It is at this pod, whatever other pod of the service has it. */
  readonly moved?: boolean;
}

export interface Renewed {
  /** Number of leases that were not in the set: never asked for, released by mistake, or lost by the store. */
  readonly created: number;
  /** Number of the pod's leases after this call. */
  readonly count: number;
  /** Proxies with a told lease that another gate renewed before this one did; absent when there are none. */
  readonly inherited?: readonly ProxyId[];
  /** Proxies with a lease that is overdue, and that no periodic entry has told to any gate; absent when there are none. */
  readonly overdue?: readonly ProxyId[];
}

export function newRenewed(
  created: number,
  count: number,
  inherited: readonly ProxyId[],
  overdue: readonly ProxyId[],
): Renewed {
  const renewed: Renewed = inherited.length > 0 ? { created, count, inherited } : { created, count };
  return overdue.length > 0 ? { ...renewed, overdue } : renewed;
}

/** A proxy whose silence is evidence, and of which leases. Times are the store's, ms. */
export interface Silence {
  readonly proxy: ProxyId;
  /** For how long nobody must have spoken of a lease. */
  readonly silentMs: number;
  /** Leases of which the last word came no later are left: the proxy may be speaking to nobody who listens. */
  readonly unheardUntilMs: number;
  /** Leases that no periodic entry ever told, and of which the last word came later, are overlooked by its log. */
  readonly completeSinceMs: number;
  /** Leave all leases that no periodic entry ever told. */
  readonly toldOnly: boolean;
  /** Its log tells of connections that streams hold. Else leave those of them that no periodic entry ever told. */
  readonly tellsHeld: boolean;
  /** Of leases that a stream held, those are overlooked of which the last word came later than this. */
  readonly heldCompleteSinceMs: number;
}

/** How long leases are good for, as this gate writes them, and how long one may stay that nobody renews. */
export interface LeaseTimes {
  readonly ttlMs: number;
  readonly reserveMs: number;
  readonly unrenewedMaxMs: number;
}

export interface Expired {
  /** Taken out by the silence of their proxies. */
  readonly leases: readonly LeaseId[];
  /** Taken out because nobody has spoken of them for `unrenewedMaxMs`. */
  readonly outlived: readonly LeaseId[];
  /** Number of the pod's leases after this call. */
  readonly count: number;
  /** Proxies that hold leases past their expiry that were left, and how many: nobody has spoken of them for a ttl. */
  readonly waiting: ReadonlyMap<ProxyId, number>;
  /** Proxies among the silent ones whose log overlooks leases. */
  readonly overlooked: readonly ProxyId[];
  /** Of each proxy: how many were left that a stream held, and that no periodic log entry ever told. */
  readonly unheld: ReadonlyMap<ProxyId, number>;
}

/**
 * What the fleet knows of a proxy's access log, shared by all gates. Times are the store's, ms; 0 stands for never.
 */
export interface Promised {
  /** The longest time between two periodic entries of one connection; 0 while the proxy is not known to send them. */
  readonly intervalMs: number;
  /** When a gate last had a log stream of it open. */
  readonly logMs: number;
  /** When a log stream of it was last lost. */
  readonly lostMs: number;
  /** When a gate to which it logged fell silent: it may be speaking to that one still. */
  readonly stuckMs: number;
  /** When a connection was last told on another stream than before. */
  readonly foundMs: number;
  /** When a log entry was last found to be lost, although its stream did not break. */
  readonly missedMs: number;
  /** When its log was last seen to overlook a connection. */
  readonly overlookedMs: number;
  /** Whether it has told of a connection for which a stream was held. */
  readonly tellsHeld: boolean;
  /** Until when its silence is no evidence, because it has been wrong. */
  readonly distrustedUntilMs: number;
  /** How often it asks whether its gate is still there (HTTP/2 keepalive); 0 when it does not ask. */
  readonly pingMs: number;
}

/** News of a proxy for the fleet. What is absent stays as it is. */
export interface PromiseNews {
  readonly proxy: ProxyId;
  readonly intervalMs?: number;
  readonly pingMs?: number;
  readonly logged?: boolean;
  /** Store time, ms, or now. An earlier time than the known one changes nothing. */
  readonly lost?: number | 'now';
  readonly stuck?: number;
  readonly found?: boolean;
  readonly missed?: boolean;
  readonly overlooked?: boolean;
  readonly tellsHeld?: boolean;
  readonly distrustForMs?: number;
}

export interface PodCount {
  readonly pod: PodId;
  readonly connections: number;
  readonly proxies: ReadonlyMap<ProxyId, number>;
}

export interface Fleet {
  readonly timeMs: number;
  readonly pods: readonly PodCount[];
}

export interface HeldLease {
  readonly lease: LeaseId;
  /** A gate has held a stream for its connection, and perhaps does. Without one, nobody can close it. */
  readonly held?: true;
  /** Absent when the store keeps no `info`. */
  readonly holder?: Holder;
}

export interface LeasePage {
  readonly leases: readonly HeldLease[];
  /** The last of these, when there are more after it. */
  readonly next?: LeaseId;
}

/**
 * Who is a member of the fleet, and when each was last seen. Memberships are not atomic with the leases, and heal by
 * themselves.
 */
export type Membership = 'gates' | 'proxies' | 'pods';

/** What a gate tells the fleet about itself once a second, and after how long others count as silent. */
export interface Heartbeat {
  readonly gate: string;
  /** Proxies heard since the last heartbeat. */
  readonly proxies: readonly ProxyId[];
  /** Pods used since the last heartbeat. */
  readonly pods: readonly PodId[];
  readonly gateSilentMs: number;
  readonly proxySilentMs: number;
  /** What people are told of it. */
  readonly about?: AboutGate;
  readonly before?: KnownBefore;
  readonly outage?: AfterOutage;
}

export interface AboutGate {
  readonly version: string;
  /** The version of its Node. */
  readonly node: string;
  /** When it started, by its own clock, ms since the epoch. */
  readonly startedMs: number;
  /** By proxy: how many connections it holds a stream for. Absent where none. */
  readonly held?: Readonly<Record<string, number>>;
}

/** One that is a member. */
export interface MemberGate {
  readonly gate: string;
  /** Its last heartbeat, store time, ms. */
  readonly seenMs: number;
  /** Absent while it has not told. */
  readonly about?: AboutGate;
}

export interface Gates {
  readonly timeMs: number;
  readonly gates: readonly MemberGate[];
}

/**
 * How far a gate has come since the store was last away from it. It has told the store all that it knows, or not yet;
 * it trusts the store's counts, or waits for the others.
 */
export interface AfterOutage {
  readonly told: boolean;
  readonly trusts: boolean;
  /** Store time, ms: others have to have told theirs since then; `now` when the gate does not know that time yet. */
  readonly sinceMs: number | 'now';
  /** Store time, ms: gates that were last heard before are none of those that are waited for. */
  readonly thereMs: number;
}

/** What a gate last knew. A store that has lost leases since waits for the gates that there were. */
export interface KnownBefore {
  /** 0 if the gate is new: then it is none of those that are waited for. */
  readonly gates: number;
  /** When the incarnation began that it knew. */
  readonly incarnationMs: number;
  /** For how long they are waited for. */
  readonly awaitMs: number;
}

export interface HeartbeatReply {
  readonly timeMs: number;
  /**
   * When the store's present incarnation began: since then it has lost nothing, as far as any gate can tell. Another one
   * begins when it is empty, or another Redis process took over; what was written before may be there in part.
   */
  readonly incarnationMs: number;
  /** Gates that were there before that and have not come back; 0 when they are waited for no longer. */
  readonly gatesAwaited: number;
  /** When the last of those came back that did; no earlier than `incarnationMs`. */
  readonly gatesBackMs: number;
  /** How many gates there are, this one included, without the silent ones. */
  readonly gates: number;
  /** Other gates that were there, by `AfterOutage`, and have not told the store all that they know since. */
  readonly gatesBehind: number;
  /** Other gates that are there and do not trust the store's counts yet. */
  readonly gatesDoubting: number;
  /** Gates whose heartbeat has stopped although they did not leave. */
  readonly silentGates: readonly SilentGate[];
  /** Proxies that no gate has heard for `proxySilentMs`. */
  readonly silentProxies: readonly ProxyId[];
}

export interface SilentGate {
  readonly gate: string;
  /** Its last heartbeat, store time, ms. */
  readonly seenMs: number;
}

/** A connection that somebody wants closed. */
export interface Closing {
  readonly pod: PodId;
  readonly lease: LeaseId;
  /** For Envoy's access log. */
  readonly reason: string;
  /** How long from now; at once unless given. */
  readonly inMs?: number;
}

export interface LeaseStore {
  /**
   * Reserves a slot of each claim if each has fewer leases than its limit, or than its override; else of none. A lease that
   * is already held is admitted, and counts once.
   */
  acquire(claims: Claims, lease: LeaseId, reserveMs: number, path: string, client?: string): Promise<Answer<Acquired>>;

  /**
   * Reserves a slot at a pod of the service, chosen as `choice` says. A lease that one of its pods has is admitted there, and
   * counts once.
   */
  place(
    service: ServiceId,
    lease: LeaseId,
    reserveMs: number,
    path: string,
    client?: string,
    choice?: Choice,
  ): Promise<Answer<Placed>>;

  /**
   * Tells which pods a service has now, with their limits: the others take no new leases, and keep those that they have.
   * Answers with those that were not enrolled before, and those that are not any more: of many gates one is told each.
   */
  enrol(service: ServiceId, pods: ReadonlyMap<PodId, number>, order?: Order, list?: string): Promise<Answer<Enrolled>>;

  /** Those that are enrolled, with their limits as they were told. */
  enrolled(service: ServiceId): Promise<Answer<ReadonlyMap<PodId, number>>>;

  /**
   * A gate has this list of the service's pods (a name for it, without spaces). Of all that gates have, the one counts to
   * which a gate has changed last; one that repeats its own, or begins with one that others have, changes nothing. A gate's
   * list is forgotten when it has not told it for `forgetMs`.
   */
  listed(service: ServiceId, gate: string, list: string, forgetMs: number): Promise<Answer<Listed>>;

  /**
   * A pod of a service has refused a connection: it takes no new leases for a while (`AVOIDED`) where another has room,
   * longer each time. Answers for how long, ms; 0 where it does so already.
   */
  avoid(pod: PodId): Promise<Answer<number>>;

  /** The pods of the service that are avoided, and until when, store time, ms. Only for what is shown. */
  avoided(service: ServiceId): Promise<Answer<ReadonlyMap<PodId, number>>>;

  /**
   * Puts the leases into the pod's set, whether or not they are there, good for another `ttlMs`; but none that has ended.
   * One that another pod of the service has is renewed there, unless it was only reserved, or has moved: then this pod has it.
   */
  renew(pod: PodId, leases: readonly Renewal[], ttlMs: number): Promise<Answer<Renewed>>;

  /**
   * Takes the leases out of the pod's set, and answers with how many were in it. For `endedMs` no renewal puts them back,
   * so that a late word of a connection, or a gate that has not heard of its end, does not. 0 for one that may be open.
   */
  release(where: Where, leases: readonly LeaseId[], endedMs: number): Promise<Answer<number>>;

  /**
   * Takes out those of the leases that were acquired once and never spoken of again: who asked has left. One that was
   * asked for again, or renewed, stays: Envoy took the answer of another gate. Answers with how many it took out.
   */
  withdraw(where: Where, leases: readonly LeaseId[]): Promise<Answer<number>>;

  /**
   * Takes out the leases past their expiry whose end is evident from their proxy's silence, and remembers them for a
   * while (`lapsed`), but none that `Silence` says to leave; and those that nobody has spoken of for `unrenewedMaxMs`.
   */
  expire(pod: PodId, silences: readonly Silence[], times: LeaseTimes): Promise<Answer<Expired>>;

  /** Which of the leases were taken out by silence and have been spoken of again. Tells each of them once. */
  lapsed(where: Where, leases: readonly LeaseId[]): Promise<Answer<readonly LeaseId[]>>;

  /** When each of the leases expires, store time, ms; undefined for one that is not there. */
  expiries(pod: PodId, leases: readonly LeaseId[]): Promise<Answer<readonly (number | undefined)[]>>;

  /** Whether another gate may hold a stream for that lease: one has, since it was acquired. */
  mayBeHeld(pod: PodId, lease: LeaseId): Promise<Answer<boolean>>;

  /**
   * The pods that are members: used within the last hour, or holding leases. `people`, like `fleet` and `leases`, is only for
   * what is shown: the store may take longer over it, and keeps nothing that a gate decides waiting.
   */
  pods(asker?: 'gate' | 'people'): Promise<Answer<readonly PodId[]>>;

  /** The proxies that are members: heard within the grace, or holding leases. Only for what is shown. */
  proxies(): Promise<Answer<readonly ProxyId[]>>;

  /** The gates that are members, at most 1,000. Only for what is shown. */
  gates(): Promise<Answer<Gates>>;

  /** The named pods' counts; a pod's count and its proxies' counts are of one instant. */
  fleet(pods: readonly PodId[]): Promise<Answer<Fleet>>;

  /**
   * The leases of one pod in the order of their ids, `size` at most, from the one after `after` (absent: from the
   * first). A lease that is held for the whole walk is seen once; one that comes or goes meanwhile may be.
   */
  leases(pod: PodId, size: number, after?: LeaseId): Promise<Answer<LeasePage>>;

  heartbeat(beat: Heartbeat): Promise<Answer<HeartbeatReply>>;

  /** Makes proxies members that hold leases and are none: their silence begins now. */
  register(proxies: readonly ProxyId[]): Promise<Answer<void>>;

  /** Tells the fleet of proxies. */
  tell(news: readonly PromiseNews[]): Promise<Answer<void>>;

  /** What the fleet knows of these proxies. */
  promised(proxies: readonly ProxyId[]): Promise<Answer<ReadonlyMap<ProxyId, Promised>>>;

  /** These proxies log to the gate, or do so no more. */
  hears(gate: string, more: readonly ProxyId[], fewer: readonly ProxyId[]): Promise<Answer<void>>;

  /** The proxies that logged to this gate, when it last told. */
  heardBy(gate: string): Promise<Answer<readonly ProxyId[]>>;

  /** Asks the gates that hold streams for these connections to close them. Remembered until a minute after it is due. */
  askToClose(closings: readonly Closing[]): Promise<Answer<void>>;

  /** What was asked of this pod's connections for that reason, and is not due yet, is not to be done any more. */
  keepOpen(pod: PodId, reason: string): Promise<Answer<void>>;

  /** What was to be closed since then, store time, ms; `now` for nothing but the time. One may come twice. */
  toClose(sinceMs: number | 'now'): Promise<Answer<{ readonly timeMs: number; readonly closings: readonly Closing[] }>>;

  /**
   * Writes down what somebody decided about a pod, or that it was taken back. `enforce` puts it into force: on a cluster
   * they are two steps.
   */
  override(change: OverrideChange): Promise<Answer<Overridden>>;

  /** All overrides, if they are not those of the version `known`; and ends those of which the time has come. */
  overrides(known: number): Promise<Answer<OverridesNow>>;

  /** Writes down those that the store has lost, or of which it knows an earlier state only. */
  putBack(overrides: readonly Override[]): Promise<Answer<void>>;

  /**
   * Each acquire and place that is asked after the answer is judged by this limit of the pod; by the configured one where
   * none is given. Nothing changes where a later version is in force.
   */
  enforce(pod: PodId, version: number, enforced: Enforced | undefined): Promise<Answer<void>>;

  /** Writes into the audit trail what is no override. */
  note(note: AuditNote): Promise<Answer<AuditEntry>>;

  /** The newest entries of the audit trail, the newest first. */
  audit(max: number): Promise<Answer<readonly AuditEntry[]>>;

  /** Removes those names from a membership that have been silent for `silentMs`. */
  remove(membership: Membership, names: readonly string[], silentMs: number): Promise<Answer<void>>;

  /** The gate stops in order: its silence from now on means nothing. */
  leave(gate: string): Promise<Answer<void>>;

  /** Whether the store answers, as far as is known without asking it. */
  readonly up: boolean;

  close(): Promise<void>;
}
