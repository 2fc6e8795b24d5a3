/** What happens in the domain, for those who watch: metrics, the log, the hub. */

import { EventEmitter } from 'node:events';
import type { LeaseId, PodId, ProxyId, ServiceId, Where } from './ids.ts';
import type { ListsDiffer } from './lists-differ.ts';
import type { AuditEntry } from './override.ts';
import type { Verdict } from './verdict.ts';

/**
 * `closed`: Envoy's End entry. `hook`: the release hook. `cancelled`: of a Check that was not answered with allow.
 * `moved`: its connection is at another pod, where it has its slot now. `expired`: the silence of its proxy. `outlived`: nobody has spoken of it for `lease.unrenewedMax`.
 */
export type ReleaseCause = 'closed' | 'hook' | 'cancelled' | 'moved' | 'expired' | 'outlived';

/**
 * Why a proxy's silence is no evidence. `nothing`: its access log speaks of no connection that lives. `some`: of some it
 * never speaks. `wrong`: it was silent of connections that lived.
 */
export type Unrenewed = 'nothing' | 'some' | 'wrong';

/** What a gate may believe of its store: `standing.ts` says what each means. */
export type State = 'away' | 'catching up' | 'recovering' | 'synced';

/**
 * What must be true at all times. When one is broken, that is a bug of ours, or somebody else changed Redis: it is counted
 * and told. `denied-below-limit`: the store says that a pod is full, and counts fewer leases than its limit.
 * `answered-too-many`: it put in or took out more leases than it was asked to. `expired-unnamed`: it took a lease of a
 * proxy that was not named to it. `counts-differ`: a pod's count is not the sum of its proxies'. `entry-astray`: the ledger
 * has an entry that its log stream does not have. `standing-astray`: the standing took a step that does not exist.
 */
export type Invariant =
  | 'denied-below-limit'
  | 'answered-too-many'
  | 'expired-unnamed'
  | 'counts-differ'
  | 'entry-astray'
  | 'standing-astray';

interface EventMap {
  /** `client`: of the upgrade. */
  decided: [verdict: Verdict, durationMs: number, client?: string];
  /** What became of an upgrade whose pod the gate was to choose. */
  placed: [service: ServiceId, verdict: Verdict];
  /** Leases that were in the store, and are not any more. Of their service, where it was not known at which pod they were. */
  released: [pod: Where, cause: ReleaseCause, count: number];
  /**
   * Leases that a renewal had to put into the store: never asked for, or lost by it. `overLimit` of them are beyond the
   * limit.
   */
  adopted: [pod: PodId, count: number, overLimit: number];
  /** The endpoints of a service are others now, as this gate sees it: those that have come, and those that are gone. */
  endpointsTold: [service: ServiceId, joined: readonly string[], left: readonly string[]];
  /** Why the endpoints of a service cannot be read: those from before stay. Undefined when they can. Told when it changes. */
  endpointsUnread: [service: ServiceId, why: string | undefined];
  /** A pod takes new connections of its service, or none any more. Told by the gate whose word the store took. */
  joined: [pod: PodId];
  left: [pod: PodId];
  /** A pod of a service refused a connection: no gate sends new ones there for so long, where another has room. */
  avoided: [pod: PodId, forMs: number];
  /** Somebody has changed something in the fleet, by this gate; or it has ended by itself, and this gate is the one that tells. */
  audited: [entry: AuditEntry];
  /** Upgrades of this service are to wait for so long, and Envoy waits for an answer for only so long. Told once. */
  waitCut: [service: ServiceId, waitMs: number, allowedMs: number];
  /** This gate has another list of the service's pods than the one that counts; undefined when it has no longer. */
  listsDiffer: [service: ServiceId, differ: ListsDiffer | undefined];
  /** Somebody wants this connection closed, and this gate does it. */
  closing: [pod: PodId, lease: LeaseId, reason: string, client?: string];
  /** A release that waited for the store was given up; the reaper will find the lease. */
  releaseDropped: [pod: Where, lease: LeaseId];
  /** A proxy speaks of its connections so rarely that the time of this configuration key should be at least `leastMs`. */
  flushedTooRarely: [proxy: ProxyId, intervalMs: number, key: string, leastMs: number];
  /** A proxy sends Checks but no access log: its slots are never freed. */
  unlogged: [proxy: ProxyId];
  /** A proxy has asked for slots for a while, and no gate has heard anything of its connections. */
  unheard: [proxy: ProxyId];
  /** A proxy does not renew its connections, and why; undefined when it does again. Told when it changes. */
  unrenewed: [proxy: ProxyId, why: Unrenewed | undefined];
  /** Streams that held connections of a proxy are gone, no log tells of these, and so many keep their slots. Told once. */
  unheld: [proxy: ProxyId, count: number];
  /** Leases that were taken out because of a proxy's silence have been spoken of again: that was wrong. */
  contradicted: [proxy: ProxyId, count: number];
  /** A proxy does not ask whether its gate is still there: it would not leave one that hangs. */
  unasking: [proxy: ProxyId];
  /** The store's clock was set forward, or back. */
  clockStepped: [byMs: number];
  /** Gates whose heartbeat has stopped although they did not leave: all of them, each time that others are silent. */
  gatesSilent: [gates: readonly string[]];
  /** Why the store refused the last upgrade that it was asked; undefined when it did not. Told when it changes. */
  refused: [detail: string | undefined];
  /** The store refused to write down leases of this pod, which are open. */
  renewalRefused: [pod: PodId];
  /** Something was refused or given up: the maximum of this configuration key is reached. */
  boundReached: [key: string];
  invariantBroken: [invariant: Invariant];
  storeChanged: [up: boolean, detail: string];
  standingChanged: [state: State, before: State];
  /** The store may have lost leases, or is new to this gate. For so long its counts are not trusted. */
  storeLost: [untrustedForMs: number];
}

export class Events extends EventEmitter<EventMap> {
  /** To be asked where it costs next to nothing. The gate goes on with what it was told. */
  mustHold(invariant: Invariant, holds: boolean): void {
    if (!holds) this.emit('invariantBroken', invariant);
  }
}
