/**
 * All that the embedded store knows, for a file. Times are lengths from the moment at which it was taken, in
 * milliseconds: no clock has to agree with another over a restart.
 */

import type { LeaseId, PodId, ProxyId, Where } from '../../admission/ids.ts';
import type { AuditEntry, Override } from '../../admission/override.ts';

export interface Snapshot {
  /** For how long the store had lost nothing. 0: it may lack leases. */
  readonly incarnationAgeMs: number;
  readonly pods: Iterable<StoredPod>;
  /** Ended leases that no renewal is to put back, in the order in which they ended. */
  readonly ended: Iterable<StoredEnd>;
  /** Those that gates have heard and that are not known to be gone. */
  readonly proxies: Iterable<ProxyId>;
  /** What somebody decided. Its times are the store's: how long there was no gate counts. */
  readonly overrides: Iterable<Override>;
  /** Oldest first. */
  readonly audit: Iterable<AuditEntry>;
}

export interface StoredPod {
  readonly pod: PodId;
  readonly usedAgoMs: number;
  readonly leases: Iterable<StoredLease>;
}

export interface StoredLease {
  readonly lease: LeaseId;
  /** Until it expires; below 0 when it has. */
  readonly leftMs: number;
  /** Bits of `LeaseFlag`. */
  readonly flags: number;
  readonly path: string;
  /** Absent where it is the direct peer, or not known. */
  readonly client?: string | undefined;
}

export interface StoredEnd {
  /** Or its service. */
  readonly pod: Where;
  readonly lease: LeaseId;
  /** For how long it is still remembered. */
  readonly leftMs: number;
}

export interface Occasion {
  /** Whether this is the last word of a gate that was stopped in order: nothing was decided after it. */
  readonly stopped: boolean;
  /** When it was written, by the wall clock. */
  readonly atMs: number;
}

/** A bit never changes its meaning: files that are there have it. */
export const LeaseFlag = { live: 1, spokenOf: 2, told: 4, held: 8 } as const;
