/**
 * What the pods held over the last hour, and how many connections a second came and went, as this gate saw it: a point
 * each half minute, in memory. The counts of a point are one reading of the store, for which no Check waits. At most 120
 * points of 1,000 pods each: the fullest ones.
 */

import type { PodId } from '../admission/ids.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import { fullest } from '../fleet/fullest.ts';
import type { PerSecond, Told } from '../hub/figures/rates.ts';

const STEP_MS = 30_000;
const POINTS_MAX = 120;

export interface CountHistory {
  /** Of the latest point, milliseconds since the epoch. */
  readonly timeMs: number;
  readonly stepMs: number;
  /** Of the first point. A gate that has just started knows less than an hour. */
  readonly sinceMs: number;
  /** Oldest first; null where the pod was not listed or the store did not answer. */
  readonly pods: ReadonlyMap<PodId, readonly (number | null)[]>;
  /** Of the whole fleet, on average over the step that ends at the point; null for the first one. */
  readonly rates: Readonly<Record<keyof PerSecond, readonly (number | null)[]>>;
}

export interface Watched {
  readonly fleet: Pick<FleetView, 'fresh'>;
  readonly told: () => Told;
}

export class LastHour {
  readonly #watched: Watched;
  readonly #stepMs: number;
  /** By the number of steps since the start: a process that stalls leaves a gap, and the other points stay in place. */
  readonly #points = new Map<number, ReadonlyMap<PodId, number>>();
  /** By the same numbers. */
  readonly #told = new Map<number, Told>();
  readonly #startedAtMs = performance.now();
  #latest = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(watched: Watched, stepMs = STEP_MS) {
    this.#watched = watched;
    this.#stepMs = stepMs;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#sample(), this.#stepMs);
    void this.#sample();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Of these pods; if none are given, of those that the store's latest answer listed. */
  of(names?: readonly PodId[]): CountHistory {
    const first = this.#oldest();
    const numbers = Array.from({ length: this.#latest - first + 1 }, (_, index) => first + index);
    const rate = (kind: keyof PerSecond) => numbers.map((number) => this.#rateAt(number, kind));
    const asked = names ?? [...(this.#points.get(Math.max(...this.#points.keys()))?.keys() ?? [])];
    return {
      timeMs: this.#timeOf(this.#latest),
      stepMs: this.#stepMs,
      sinceMs: this.#timeOf(first),
      pods: new Map(asked.map((pod) => [pod, numbers.map((number) => this.#points.get(number)?.get(pod) ?? null)])),
      rates: { admitted: rate('admitted'), denied: rate('denied'), released: rate('released') },
    };
  }

  async #sample(): Promise<void> {
    const number = Math.round((performance.now() - this.#startedAtMs) / this.#stepMs);
    this.#latest = Math.max(this.#latest, number);
    for (const points of [this.#points, this.#told]) {
      for (const old of points.keys()) if (old < this.#oldest()) points.delete(old);
    }
    this.#told.set(number, this.#watched.told());
    const answer = await this.#watched.fleet.fresh();
    if (!answer.ok || number < this.#oldest()) return;
    this.#points.set(number, new Map(fullest(answer.value.pods).map(({ pod, connections }) => [pod, connections])));
  }

  #rateAt(number: number, kind: keyof PerSecond): number | null {
    const [before, now] = [this.#told.get(number - 1), this.#told.get(number)];
    return before && now ? ((now[kind] - before[kind]) * 1000) / this.#stepMs : null;
  }

  #oldest(): number {
    return Math.max(0, this.#latest - POINTS_MAX + 1);
  }

  /** By the present clock, which may have been set since. */
  #timeOf(number: number): number {
    return Date.now() - performance.now() + this.#startedAtMs + number * this.#stepMs;
  }
}
