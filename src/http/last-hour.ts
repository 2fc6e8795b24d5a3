/**
 * What the pods held over the last hour, as this gate saw it: a point each half minute, in memory. Each point is one
 * reading of the store, for which no Check waits. At most 120 points of 1,000 pods each: the fullest ones.
 */

import type { PodId } from '../admission/ids.ts';
import type { FleetView } from '../fleet/fleet-view.ts';
import { fullest } from '../fleet/fullest.ts';

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
}

export class LastHour {
  readonly #fleet: Pick<FleetView, 'fresh'>;
  readonly #stepMs: number;
  /** By the number of steps since the start: a process that stalls leaves a gap, and the other points stay in place. */
  readonly #points = new Map<number, ReadonlyMap<PodId, number>>();
  readonly #startedAtMs = performance.now();
  #latest = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(fleet: Pick<FleetView, 'fresh'>, stepMs = STEP_MS) {
    this.#fleet = fleet;
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
    const asked = names ?? [...(this.#points.get(Math.max(...this.#points.keys()))?.keys() ?? [])];
    return {
      timeMs: this.#timeOf(this.#latest),
      stepMs: this.#stepMs,
      sinceMs: this.#timeOf(first),
      pods: new Map(asked.map((pod) => [pod, numbers.map((number) => this.#points.get(number)?.get(pod) ?? null)])),
    };
  }

  async #sample(): Promise<void> {
    const number = Math.round((performance.now() - this.#startedAtMs) / this.#stepMs);
    this.#latest = Math.max(this.#latest, number);
    for (const old of this.#points.keys()) if (old < this.#oldest()) this.#points.delete(old);
    const answer = await this.#fleet.fresh();
    if (!answer.ok || number < this.#oldest()) return;
    this.#points.set(number, new Map(fullest(answer.value.pods).map(({ pod, connections }) => [pod, connections])));
  }

  #oldest(): number {
    return Math.max(0, this.#latest - POINTS_MAX + 1);
  }

  /** By the present clock, which may have been set since. */
  #timeOf(number: number): number {
    return Date.now() - performance.now() + this.#startedAtMs + number * this.#stepMs;
  }
}
