/**
 * The overrides as this gate knows them. The store enforces them: each acquire looks there, so what is changed at one gate
 * holds at all of them when the change is answered. What is kept here is for people, for the share while the store is away,
 * and for a store that comes back without them.
 *
 * The list of all overrides is one thing in the store, and what a pod's acquires look at another: on a cluster they may be
 * in different slots. The list is written first, and each gate enforces what it finds changed in it. Both have a version,
 * so that an earlier state never takes the place of a later one.
 */

import { chunks } from './chunks.ts';
import type { Events } from './events.ts';
import type { PodId } from './ids.ts';
import type { Answer, LeaseStore } from './lease-store.ts';
import { inForce, type Overridden, type Override, type OverrideChange } from './override.ts';

/** An override that ended, or was changed elsewhere, is known here after so long. */
const LOOK_MS = 1000;
/** Pods whose limits are enforced at a time. */
const PODS_AT_ONCE = 50;

interface OverridesParts {
  readonly store: LeaseStore;
  readonly events: Events;
}

export class Overrides {
  readonly #parts: OverridesParts;
  #byPod = new Map<PodId, readonly Override[]>();
  /** Of the list that was read last. */
  #known = -1;
  #version = 0;
  /** Pods of which the store may enforce something else than what is known here. */
  readonly #due = new Set<PodId>();
  /** The store's clock less this process's. */
  #aheadMs = 0;
  #looking = false;
  /** The store may lack what this gate knows. */
  #putBack = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: OverridesParts) {
    this.#parts = parts;
    parts.events.on('standingChanged', (state) => {
      if (state !== 'catching up') return;
      this.#putBack = true;
      void this.#look();
    });
  }

  /** Another one after each change. */
  get version(): number {
    return this.#version;
  }

  /** The limit in force, where it is not the configured one. */
  limitOf(pod: PodId): number | undefined {
    return inForce(this.of(pod))?.connections;
  }

  of(pod: PodId): readonly Override[] {
    return this.#byPod.get(pod)?.filter((each) => this.#lasts(each)) ?? [];
  }

  /** Those that have one. */
  pods(): PodId[] {
    return [...this.#byPod.keys()].filter((pod) => this.of(pod).length > 0);
  }

  all(): Override[] {
    return [...this.#byPod.keys()].flatMap((pod) => this.of(pod));
  }

  /** The store's time, ms, as far as it is known. */
  get timeMs(): number {
    return performance.now() + this.#aheadMs;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Resolves when every upgrade that is asked from then on, at any gate, is judged by it. */
  async change(change: OverrideChange): Promise<Answer<Overridden>> {
    const { store, events } = this.#parts;
    const answer = await store.override(change);
    if (!answer.ok || answer.value.outcome !== 'done') return answer;
    const { timeMs, version, ofPod } = answer.value;
    this.#keep(change.pod, ofPod);
    const enforced = await store.enforce(change.pod, version, inForce(ofPod));
    if (!enforced.ok) {
      this.#due.add(change.pod);
      return enforced;
    }
    if (change.note) events.emit('audited', { ...change.note, atMs: timeMs });
    return answer;
  }

  async #look(): Promise<void> {
    const { store } = this.#parts;
    if (this.#looking || !store.up) return;
    this.#looking = true;
    if (await this.#bringBack()) await this.#read();
    this.#looking = false;
  }

  /** False where the store lacks what this gate knows, and could not be told. */
  async #bringBack(): Promise<boolean> {
    if (!this.#putBack) return true;
    const all = [...this.#byPod.values()].flat();
    if (all.length > 0 && !(await this.#parts.store.putBack(all)).ok) return false;
    this.#putBack = false;
    this.#known = -1;
    for (const pod of this.#byPod.keys()) this.#due.add(pod);
    return true;
  }

  async #read(): Promise<void> {
    const { store, events } = this.#parts;
    const answer = await store.overrides(this.#known);
    if (!answer.ok) return;
    const { timeMs, version, all, expired } = answer.value;
    this.#aheadMs = timeMs - performance.now();
    this.#putBack = version < this.#known; // it has lost some
    if (this.#putBack) return;
    for (const entry of expired) events.emit('audited', entry);
    if (all) this.#takeAll(all);
    this.#known = version;
    await this.#enforceDue(version);
  }

  #takeAll(all: readonly Override[]): void {
    const now = Map.groupBy(all, ({ pod }) => pod);
    for (const pod of new Set([...now.keys(), ...this.#byPod.keys()])) {
      const ofPod = now.get(pod) ?? [];
      if (versionsOf(ofPod) !== versionsOf(this.#byPod.get(pod) ?? [])) this.#due.add(pod);
      this.#keep(pod, ofPod);
    }
  }

  async #enforceDue(version: number): Promise<void> {
    const { store } = this.#parts;
    for (const pods of chunks([...this.#due], PODS_AT_ONCE)) {
      const enforce = async (pod: PodId) => {
        const { ok } = await store.enforce(pod, version, inForce(this.#byPod.get(pod) ?? []));
        if (ok) this.#due.delete(pod);
      };
      await Promise.all(pods.map(enforce));
    }
  }

  #keep(pod: PodId, ofPod: readonly Override[]): void {
    this.#version += 1;
    if (ofPod.length > 0) this.#byPod.set(pod, ofPod);
    else this.#byPod.delete(pod);
  }

  #lasts({ untilMs, decision }: Override): boolean {
    return decision !== undefined && (untilMs === undefined || untilMs > this.timeMs);
  }
}

function versionsOf(ofPod: readonly Override[]): string {
  return ofPod
    .map(({ kind, version }) => `${kind} ${version}`)
    .sort()
    .join();
}
