/**
 * What somebody has decided about a pod while the fleet runs: an override of its limit, or a cordon (no new connections).
 * It lives in the store, beside the leases, and wins over the configuration at every gate.
 */

import type { LeaseId, PodId, ProxyId } from './ids.ts';

export const OVERRIDE_KINDS = ['limit', 'cordon'] as const;
export type OverrideKind = (typeof OVERRIDE_KINDS)[number];

export interface Decision {
  /** Who decided it: the name of a token. */
  readonly by: string;
  readonly reason?: string;
  /** Of a limit: the most connections that the pod may have. */
  readonly connections?: number;
  /** Of a cordon: the connections of the pod are closed, too. */
  readonly drain?: Drain;
}

/** How the closing of a pod's connections goes. Times are the store's, ms. */
export interface Drain {
  /** Connections that are closed each second, at most. */
  readonly rate: number;
  /** How many have been asked to close, those that were asked twice twice. */
  readonly asked: number;
  /** A gate has seen to it, and need not again until then. */
  readonly nextMs: number;
  /** How many connections the pod had when a gate last saw to it. */
  readonly left?: number;
  /** When all had been closed that could be: those that are left no stream holds. */
  readonly doneMs?: number;
}

/** Times are the store's, ms. */
export interface Override {
  readonly kind: OverrideKind;
  readonly pod: PodId;
  /** Of all overrides together, when this one was written. It only grows, also over a loss of the store. */
  readonly version: number;
  readonly atMs: number;
  /** When it ends by itself. */
  readonly untilMs?: number;
  /** Absent: it was taken back. That is kept for a while, so that no gate puts it back that has not heard of it. */
  readonly decision?: Decision;
}

export interface OverrideChange {
  readonly kind: OverrideKind;
  readonly pod: PodId;
  /** Absent: take it back. */
  readonly decision?: Decision;
  /** How long it is to last. */
  readonly forMs?: number;
  /** Nothing is changed unless the override of this version is there. The time at which it was decided stays. */
  readonly replaces?: number;
  /** For the audit trail. */
  readonly note?: AuditNote;
}

/** `none`: there was none to take back. `changed`: another is to be replaced. `too many`: there are as many as the store keeps. */
export type OverrideOutcome = 'done' | 'none' | 'changed' | 'too many';

export interface Overridden {
  readonly outcome: OverrideOutcome;
  readonly timeMs: number;
  /** Of all overrides together, from now on. */
  readonly version: number;
  /** What is there of that pod now. */
  readonly ofPod: readonly Override[];
}

export interface OverridesNow {
  readonly timeMs: number;
  readonly version: number;
  /** All of them; absent where they are those that the asker knows. */
  readonly all?: readonly Override[];
  /** Those that have ended by themselves; each is told once. */
  readonly expired: readonly AuditEntry[];
}

/** The limit of a pod that wins over the configured one. */
export interface Enforced {
  readonly connections: number;
  /** Store time, ms. */
  readonly untilMs?: number;
}

/** The most overrides that the fleet may have. */
export const OVERRIDES_MAX = 10_000;
/** For so long it is kept that one was taken back. */
export const TAKEN_BACK_MS = 60 * 60 * 1000;
/** The newest changes, which the audit trail keeps. */
export const AUDIT_MAX = 1000;

export const AUDIT_ACTIONS = [
  'limit.set',
  'limit.deleted',
  'limit.expired',
  'pod.cordoned',
  'pod.uncordoned',
  'pod.draining',
  'pod.drained',
  'drain.stopped',
  'close.asked',
  'release.forced',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** What somebody did. */
export interface AuditNote {
  readonly action: AuditAction;
  /** The name of a token, or `wsgate`. */
  readonly by: string;
  readonly pod?: PodId;
  readonly proxy?: ProxyId;
  readonly lease?: LeaseId;
  readonly reason?: string;
  /** A limit that was set. */
  readonly connections?: number;
  /** Connections that are closed each second. */
  readonly rate?: number;
  /** How many were asked to close. */
  readonly asked?: number;
  /** How many are open still: no stream holds them, so nobody can close them from here. */
  readonly left?: number;
}

/** Store time, ms. */
export type AuditEntry = AuditNote & { readonly atMs: number };

/** A cordon lasts until it is taken back. A limit that ends while it lasts changes nothing. */
export function inForce(ofPod: readonly Override[]): Enforced | undefined {
  const decided = (kind: OverrideKind) => ofPod.find((each) => each.kind === kind && each.decision);
  if (decided('cordon')) return { connections: 0 };
  const limit = decided('limit');
  const connections = limit?.decision?.connections;
  if (connections === undefined) return undefined;
  return limit?.untilMs === undefined ? { connections } : { connections, untilMs: limit.untilMs };
}
