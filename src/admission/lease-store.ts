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
 * No call rejects, and none takes longer than the store's deadline, or than that of readings. A store that cannot answer says so by value
 * (`StoreAway`). Calls are carried out in the order in which they were made, and any may be repeated.
 */

import type { LeaseId, PodId, ProxyId } from './ids.ts';

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
  /** The pod's leases, this one included when admitted. */
  readonly count: number;
}

/** What the store keeps of a connection, beside what its lease id tells. */
export interface Holder {
  readonly state: LeaseState;
  /** The request's path, without its query. */
  readonly path: string;
}

export interface Renewal {
  readonly lease: LeaseId;
  /** Given when the store may not have it yet. */
  readonly holder?: Holder;
}

export interface Renewed {
  /** How many of the leases it put into the set: never asked for, released by mistake, or lost by the store. */
  readonly created: number;
  /** The pod's leases after this call. */
  readonly count: number;
}

export interface Expired {
  readonly leases: readonly LeaseId[];
  /** The pod's leases after this call. */
  readonly count: number;
  /** Proxies, other than the named ones, that hold leases past their expiry. */
  readonly waiting: readonly ProxyId[];
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
  /** Absent when the store keeps no `info`. */
  readonly holder?: Holder;
}

export interface LeasePage {
  readonly leases: readonly HeldLease[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
}

/** The lists of who has been seen when. They are not atomic with the leases, and heal by themselves. */
export type Roll = 'gates' | 'proxies' | 'pods';

/** What a gate tells the fleet about itself once a second, and how long a silence has to be to be worth telling. */
export interface Heartbeat {
  readonly gate: string;
  /** Proxies heard since the last heartbeat. */
  readonly proxies: readonly ProxyId[];
  /** Pods used since the last heartbeat. */
  readonly pods: readonly PodId[];
  readonly gateQuietMs: number;
  readonly proxyQuietMs: number;
  readonly before?: KnownBefore;
}

/** What a gate heard last of the store: one that has lost leases since waits for the gates that there were. */
export interface KnownBefore {
  /** 0 if the gate is new: then it is none of those that are waited for. */
  readonly gates: number;
  readonly wholeSinceMs: number;
  /** For how long they are waited for. */
  readonly awaitMs: number;
}

export interface RollCall {
  readonly timeMs: number;
  /**
   * Since when the store has lost nothing that it was told, as far as any gate can tell: since it began empty, or since
   * another Redis process took over. What was written before may be there in part.
   */
  readonly wholeSinceMs: number;
  /** Gates that were there before that and have not come back; 0 when they are waited for no longer. */
  readonly gatesAwaited: number;
  /** When the last of those came back that did; no earlier than `wholeSinceMs`. */
  readonly gatesBackMs: number;
  /** How many gates there are, this one included, without the quiet ones. */
  readonly gates: number;
  /** Gates that stopped their heartbeat without saying goodbye. */
  readonly quietGates: readonly string[];
  /** Proxies that no gate has heard for `proxyQuietMs`. */
  readonly quietProxies: readonly ProxyId[];
}

export interface LeaseStore {
  /** Reserves a slot if the pod has fewer leases than `limit`. A lease that is already held is admitted, and counts once. */
  acquire(pod: PodId, lease: LeaseId, limit: number, reserveMs: number, path: string): Promise<Answer<Acquired>>;

  /** Puts the leases into the pod's set, whether or not they are there, good for another `ttlMs`; but none that has ended. */
  renew(pod: PodId, leases: readonly Renewal[], ttlMs: number): Promise<Answer<Renewed>>;

  /**
   * Takes the leases out of the pod's set, and answers with how many were in it. For `endedMs` no renewal puts them back,
   * so that a late word of a connection, or a gate that has not heard of its end, does not. 0 for one that may be open.
   */
  release(pod: PodId, leases: readonly LeaseId[], endedMs: number): Promise<Answer<number>>;

  /**
   * Takes out those of the leases that were acquired once and never spoken of again: who asked has left. One that was
   * asked for again, or renewed, stays: Envoy took the answer of another gate. Answers with how many it took out.
   */
  withdraw(pod: PodId, leases: readonly LeaseId[]): Promise<Answer<number>>;

  /** Takes out those leases of the named proxies that are past their expiry. */
  expire(pod: PodId, proxies: readonly ProxyId[]): Promise<Answer<Expired>>;

  /**
   * The pods on the roll: used within the last hour, or holding leases. `people`, like `fleet` and `leases`, is only for
   * what is shown: the store may take longer over it, and keeps nothing that a gate decides waiting.
   */
  pods(asker?: 'gate' | 'people'): Promise<Answer<readonly PodId[]>>;

  /** The named pods' counts; a pod's count and its proxies' counts are of one instant. */
  fleet(pods: readonly PodId[]): Promise<Answer<Fleet>>;

  /**
   * The leases of one pod, about `size` at a time, from `cursor` (absent: from the beginning). A lease that is held
   * for the whole walk is seen; one that comes or goes meanwhile may be.
   */
  leases(pod: PodId, size: number, cursor?: string): Promise<Answer<LeasePage>>;

  heartbeat(beat: Heartbeat): Promise<Answer<RollCall>>;

  /** Puts proxies on the roll that hold leases but are not on it: their silence begins now. */
  enroll(proxies: readonly ProxyId[]): Promise<Answer<void>>;

  /** Takes those names off a roll that have been quiet for `quietMs`. */
  strike(roll: Roll, names: readonly string[], quietMs: number): Promise<Answer<void>>;

  /** The gate says goodbye: its silence from now on means nothing. */
  farewell(gate: string): Promise<Answer<void>>;

  /** Whether the store answers, as far as is known without asking it. */
  readonly up: boolean;

  close(): Promise<void>;
}
