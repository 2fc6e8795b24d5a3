/**
 * Compares the true connections with the counted ones, all the time: each connection of the crowd with each lease in
 * Redis, not only their numbers, so that two errors never cancel out. What is on its way counts for neither side.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { machineNow } from '../fleet/machine-time.ts';
import type { Connection, Crowd } from './crowd.ts';
import type { Unheld } from './unheld.ts';

const SAMPLE_MS = 50;
/** How long after a close its lease may still be there: as long as the design allows. */
const ON_ITS_WAY_MS = 1_000;
/** A connection that an Envoy lost in the same moment is not one too many. */
const SAME_MOMENT_MS = 50;

interface Sample {
  /** Live connections without a lease. */
  readonly uncounted: number;
  /** Leases without a connection. */
  readonly kept: number;
}

const RIGHT: Sample = { uncounted: 0, kept: 0 };

export class Witness {
  /** Most connections over the limit, right after one more was admitted. */
  overMax = 0;
  /** The longest time that a slot was kept after the close of its connection, */
  keptMsMax = 0;
  /** and by lease that time of those whose stream may have broken. */
  readonly keptUnheldMs = new Map<string, number>();
  /** Live connections of which nobody can speak, and that have lost their slots when `lease.unrenewedMax` had passed. */
  readonly outlived = new Set<Connection>();
  /** The longest time that a live connection was uncounted, for each that the store had known before, */
  readonly lostMs = new Map<Connection, number>();
  /** and of each that it had never known. */
  readonly unwrittenMs = new Map<Connection, number>();
  offMsMax = 0;
  /** Most that the count was off by, of all pods. */
  offMax = 0;
  lastOffAtMs = 0;
  rightSinceMs = 0;
  latest: Sample = RIGHT;
  readonly #crowd: Crowd;
  readonly #pods: readonly string[];
  readonly #unheld: Unheld;
  readonly #leases: (pod: string) => Promise<string[] | undefined>;
  /** By pod: leases without a known connection, and since when they are there. */
  readonly #strangers = new Map<string, ReadonlyMap<string, number>>();
  readonly #uncountedSince = new WeakMap<Connection, number>();
  /** Those that the store has known. */
  readonly #known = new WeakSet<Connection>();
  #offSinceMs: number | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  /** `leases`: those of a pod; undefined when the store does not answer. */
  constructor(
    crowd: Crowd,
    pods: readonly string[],
    leases: (pod: string) => Promise<string[] | undefined>,
    unheld: Unheld,
  ) {
    this.#unheld = unheld;
    this.#crowd = crowd;
    this.#pods = pods;
    this.#leases = leases;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** A connection has just been admitted. `limit`: the pod's, at this moment. */
  admitted(connection: Connection, limit: number): void {
    const there = [...this.#crowd.live(connection.pod)];
    const atMs = machineNow();
    setTimeout(() => {
      const lost = there.filter(({ cut, endedAtMs }) => cut && endedAtMs - atMs < SAME_MOMENT_MS).length;
      this.overMax = Math.max(this.overMax, there.length - lost - Math.max(limit, connection.limit));
    }, SAME_MOMENT_MS);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const samples = await Promise.all(this.#pods.map((pod) => this.#sample(pod)));
      const known = samples.filter((sample) => sample !== undefined);
      if (known.length === samples.length) this.#note(sum(known));
      await delay(SAMPLE_MS);
    }
  }

  #note(sample: Sample): void {
    const nowMs = machineNow();
    const off = sample.uncounted + sample.kept;
    this.latest = sample;
    this.offMax = Math.max(this.offMax, off);
    if (off === 0) {
      if (this.#offSinceMs !== undefined || this.rightSinceMs === 0) this.rightSinceMs = nowMs;
      this.#offSinceMs = undefined;
      return;
    }
    this.#offSinceMs ??= nowMs - SAMPLE_MS;
    this.lastOffAtMs = nowMs;
    this.offMsMax = Math.max(this.offMsMax, nowMs - this.#offSinceMs);
  }

  /** Undefined when Redis does not answer. */
  async #sample(pod: string): Promise<Sample | undefined> {
    const live = [...this.#crowd.live(pod)];
    const leases = await this.#leases(pod);
    if (!leases) return undefined;
    const nowMs = machineNow();
    const counted = new Set(leases);
    const stillLive = live.filter(({ state }) => state === 'open');
    return { uncounted: this.#uncounted(stillLive, counted, nowMs), kept: this.#kept(pod, counted, nowMs) };
  }

  #uncounted(live: readonly Connection[], counted: ReadonlySet<string>, nowMs: number): number {
    let count = 0;
    for (const connection of live) {
      if (connection.lease !== undefined && counted.has(connection.lease)) {
        this.#uncountedSince.delete(connection);
        this.#known.add(connection);
        continue;
      }
      const sinceMs = this.#uncountedSince.get(connection) ?? nowMs - SAMPLE_MS;
      if (this.#known.has(connection) && this.#unheld.mayBeOutlived(connection, nowMs - sinceMs)) {
        this.outlived.add(connection);
        continue;
      }
      this.#uncountedSince.set(connection, sinceMs);
      const longest = this.#known.has(connection) ? this.lostMs : this.unwrittenMs;
      longest.set(connection, Math.max(longest.get(connection) ?? 0, nowMs - sinceMs));
      count += 1;
    }
    return count;
  }

  #kept(pod: string, counted: ReadonlySet<string>, nowMs: number): number {
    const before = this.#strangers.get(pod);
    const strangers = new Map<string, number>();
    let count = 0;
    for (const lease of counted) {
      const holder = this.#crowd.holder(lease);
      if (holder?.state === 'open') continue;
      const sinceMs = holder?.endedAtMs ?? before?.get(lease) ?? nowMs;
      if (!holder) strangers.set(lease, sinceMs);
      if (nowMs - sinceMs < ON_ITS_WAY_MS) continue;
      if (this.#unheld.mayBe(holder?.askedAtMs ?? sinceMs)) this.keptUnheldMs.set(lease, nowMs - sinceMs);
      else this.keptMsMax = Math.max(this.keptMsMax, nowMs - sinceMs);
      count += 1;
    }
    this.#strangers.set(pod, strangers);
    return count;
  }
}

function sum(samples: readonly Sample[]): Sample {
  return samples.reduce((a, b) => ({ uncounted: a.uncounted + b.uncounted, kept: a.kept + b.kept }), RIGHT);
}
