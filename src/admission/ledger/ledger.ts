/**
 * The ledger: the connections that this gate's own proxies hold, as their access logs tell it, and what of that the
 * store has still to be told.
 *
 * Each sighting of an open connection makes its lease due for renewal; an end makes a release, which goes out at once.
 *
 * A connection belongs to the log stream that last spoke of it. When that stream breaks, it is an orphan, and stays: the
 * proxy may speak of it elsewhere at once, or in a while, or never again until its end, and a store that loses its leases
 * meanwhile has to be told of it. It goes when another gate has renewed the lease, or the store has none any more. A
 * connection of which its stream says nothing for longer than its proxy ever is silent has lost its end, and goes too.
 * One for which a stream of the hold door is open is there for as long as that (`holds.ts`).
 * So all that is in the ledger is open as far as anybody knows, and all of it is written again when the store comes back
 * or turns out to have lost leases.
 *
 * This file has its clock; callers take the part that they need.
 */

import type { Parts } from '../parts.ts';
import { Entries, type EntriesOptions } from './entries.ts';
import { Holds } from './holds.ts';
import { RecentlyEnded } from './recently-ended.ts';
import { type ReleaseOptions, Releases } from './releases.ts';
import { Renewals } from './renewals.ts';
import { Streams } from './streams.ts';

const FLUSH_MS = 1000;

export type LedgerOptions = EntriesOptions & ReleaseOptions;

export class Ledger {
  readonly entries: Entries;
  readonly streams: Streams;
  readonly releases: Releases;
  readonly holds: Holds;
  readonly renewals: Renewals;
  readonly #sweepMs: number;
  #sweptAtMs = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: Parts, options: LedgerOptions) {
    const ended = new RecentlyEnded(options.ttlMs, options.releasesMax);
    this.entries = new Entries(parts, ended, options);
    this.streams = new Streams(parts, this.entries, options);
    this.releases = new Releases(parts, this.entries, ended, options);
    this.holds = new Holds(this.entries, this.releases, options);
    this.renewals = new Renewals(parts, this.entries, this.releases, options);
    this.#sweepMs = options.ttlMs / 4;
    parts.events.on('standingChanged', (state) => {
      if (state !== 'away') void this.flush();
    });
  }

  start(): void {
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS);
  }

  /** Writes what is left. Leases stay: their connections are still open. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  /** Tells the store all that it has not been told. */
  async flush(): Promise<void> {
    const nowMs = performance.now();
    this.entries.awake(nowMs);
    this.holds.renew(nowMs);
    this.streams.lookForUnrenewed(nowMs);
    if (nowMs - this.#sweptAtMs >= this.#sweepMs) {
      this.#sweptAtMs = nowMs;
      this.entries.forgetSilent(nowMs);
      this.renewals.leaveAgain();
      void this.renewals.checkOrphans();
    }
    await Promise.all([this.releases.flush(), this.renewals.flush()]);
  }
}
