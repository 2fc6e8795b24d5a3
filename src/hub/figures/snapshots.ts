/**
 * The newest snapshot of the fleet, from the cache that the gates share. One gate at a time makes a new one from the
 * leases: when the cache has none, and when the fleet has changed, at most once a second. The gate that makes it also
 * tells which pods have filled up or emptied since the one before.
 *
 * A cache that fails costs speed and nothing else: each gate then makes its own snapshots. When the leases cannot be
 * read, the last snapshot stays, marked as stale.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { FleetView } from '../../fleet/fleet-view.ts';
import type { DomainEvent } from '../events/domain-event.ts';
import { type Attendance, type Snapshot, snapshot } from '../protocol.ts';
import type { FleetCache } from './fleet-cache.ts';
import { changesOf, type Levels, levelsOf } from './levels.ts';
import type { Rates } from './rates.ts';
import { snapshotOf, unknownSnapshot } from './snapshot.ts';

const LATEST = 'metrics:latest';
const LEVELS = 'metrics:levels';
const REFRESH = 'metrics:refresh';

/** How often the fleet makes one, at most. */
const EVERY_MS = 1000;
/** How long a snapshot is told before the cache is asked for a newer one. */
const KEPT_MS = 250;
/** Changes within this time count as one. */
const SOON_MS = 50;
/** When to ask again after another gate was found making one: it may not know of this gate's change. */
const AGAIN_MS = 100;
/** After a change: a pod that is new is on the roll within a second, and rates are over five. */
const SETTLED_MS = 6000;
/** A gate that dies while it makes one delays the others for so long. */
const REFRESH_MS_MAX = 3000;
/** Each pod is a call to Redis. With thousands of pods there are fewer snapshots: Redis is there for the upgrades. */
const MS_PER_POD = 1;

export interface SnapshotParts {
  readonly fleet: FleetView;
  readonly cache: FleetCache;
  readonly rates: Rates;
  readonly store: () => Snapshot['store'];
  readonly attendance: () => Attendance;
  readonly publish: (events: readonly DomainEvent[]) => void;
}

export interface SnapshotOptions {
  readonly ttlMs: number;
  readonly fillingPercent: number;
}

interface Made {
  readonly json: string;
  /** How many there are. */
  readonly pods: number;
  /** Absent when the counts say nothing of them. */
  readonly levels?: Levels;
  readonly changes: readonly DomainEvent[];
}

export class Snapshots {
  readonly #parts: SnapshotParts;
  readonly #ttlMs: number;
  readonly #fillingShare: number;
  readonly #listeners: ((json: string) => void)[] = [];
  #kept: { readonly json: string; readonly atMs: number } | undefined;
  #asking: Promise<string> | undefined;
  #changedAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #nextAtMs = 0;
  #stopped = false;

  constructor(parts: SnapshotParts, options: SnapshotOptions) {
    this.#parts = parts;
    this.#ttlMs = options.ttlMs;
    this.#fillingShare = options.fillingPercent / 100;
  }

  /** A `Snapshot` as JSON. Never rejects. */
  latest(): Promise<string> {
    if (this.#kept && performance.now() - this.#kept.atMs < KEPT_MS) return Promise.resolve(this.#kept.json);
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** Calls back with each snapshot that this gate has made because the fleet had changed. */
  listen(listener: (json: string) => void): void {
    this.#listeners.push(listener);
  }

  /** The fleet has changed. Cheap enough to be called at every upgrade. */
  changed(): void {
    this.#changedAtMs = performance.now();
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer ??= setTimeout(() => void this.#follow(), Math.max(SOON_MS, this.#nextAtMs - performance.now()));
  }

  async #follow(): Promise<void> {
    const made = await this.#refresh();
    this.#nextAtMs = performance.now() + (made === 'busy' ? AGAIN_MS : EVERY_MS);
    this.#timer = undefined;
    const isMade = made !== 'busy' && made !== 'away';
    if (isMade) for (const listener of this.#listeners) listener(made);
    if (!isMade || performance.now() - this.#changedAtMs < SETTLED_MS) this.#schedule();
  }

  async #ask(): Promise<string> {
    const waitUntilMs = performance.now() + EVERY_MS;
    for (;;) {
      const cached = await this.#parts.cache.get(LATEST);
      if (cached.ok && this.#isSnapshot(cached.value)) return this.#keep(cached.value);
      const made = await this.#refresh();
      if (made === 'away') return this.#stale();
      if (made !== 'busy') return made;
      if (performance.now() > waitUntilMs) break;
      await delay(SOON_MS);
    }
    const own = await this.#make();
    return own === undefined ? this.#stale() : this.#keep(own.json);
  }

  /** `busy`: another gate makes one. `away`: the leases cannot be read. */
  async #refresh(): Promise<string | 'busy' | 'away'> {
    const { cache, publish } = this.#parts;
    const claim = await cache.claim(REFRESH, REFRESH_MS_MAX);
    if (claim.ok && !claim.value) return 'busy';
    const made = await this.#make();
    if (claim.ok) {
      const restMs = made ? Math.max(EVERY_MS, MS_PER_POD * made.pods) : 1;
      if (made) await cache.put(LATEST, made.json, this.#ttlMs);
      if (made?.levels) await cache.put(LEVELS, JSON.stringify(made.levels));
      await cache.put(REFRESH, '1', restMs);
      if (made && made.changes.length > 0) publish(made.changes);
    }
    return made ? this.#keep(made.json) : 'away';
  }

  async #make(): Promise<Made | undefined> {
    const { fleet, cache, rates, store, attendance } = this.#parts;
    const [answer, told] = await Promise.all([fleet.fresh(), cache.get(LEVELS)]);
    if (!answer.ok) return undefined;
    const { pods } = answer.value;
    const before = told.ok ? parseLevels(told.value) : {};
    const now = { ...attendance(), store: store(), rates: rates.perSecond() };
    const known = told.ok && now.store === 'up';
    const levels = now.store === 'up' ? levelsOf(pods, before, this.#fillingShare) : before;
    return {
      pods: pods.length,
      json: JSON.stringify(snapshotOf(answer.value, levels, now)),
      ...(known ? { levels } : {}),
      changes: known ? changesOf(pods, before, levels) : [],
    };
  }

  /** Anything else in the cache was put there by somebody else. */
  #isSnapshot(json: string | undefined): json is string {
    if (json === this.#kept?.json) return json !== undefined;
    try {
      return snapshot.safeParse(JSON.parse(json ?? '')).success;
    } catch {
      return false;
    }
  }

  #stale(): string {
    const last = this.#kept ? snapshot.parse(JSON.parse(this.#kept.json)) : unknownSnapshot();
    return this.#keep(JSON.stringify({ ...last, store: 'down', stale: true } satisfies Snapshot));
  }

  #keep(json: string): string {
    this.#kept = { json, atMs: performance.now() };
    return json;
  }
}

function parseLevels(json: string | undefined): Levels {
  try {
    return JSON.parse(json ?? '{}') as Levels;
  } catch {
    return {};
  }
}
