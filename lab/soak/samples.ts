/** Measures one gate again and again: its heap, its resident memory, its timers and sockets. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Gate } from '../fleet/gate.ts';
import { Heap } from '../fleet/heap.ts';
import { type Slope, slopeOf } from './slope.ts';

const EVERY_MS = 5_000;
/** So long after the start the heap still grows: code gets compiled, tables find their size. */
const WARM_UP_MS = 150_000;
const MIB = 2 ** 20;

interface Sample {
  readonly atMs: number;
  readonly heapBytes: number;
  readonly residentBytes: number;
  /** Timers, sockets and whatever else keeps Node's loop going. */
  readonly resources: number;
}

export interface Growth {
  /** How many were taken after the warm-up; only these tell of growth. */
  readonly samples: number;
  /** From the first of them to the last. */
  readonly hours: number;
  readonly heapMib: number;
  readonly heap: Slope;
  readonly residentMib: number;
  readonly resident: Slope;
  readonly resources: number;
  /** From the first quarter of what is looked at to the last one, by their medians. */
  readonly resourcesMore: number;
}

export class Samples {
  readonly #heap: Heap;
  readonly #beganMs = performance.now();
  readonly #samples: Sample[] = [];
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  private constructor(heap: Heap) {
    this.#heap = heap;
    this.#running = this.#run();
  }

  /** Of a gate in the environment `ASKABLE`. */
  static async of(gate: Gate): Promise<Samples> {
    return new Samples(await Heap.of(gate));
  }

  async stop(): Promise<Growth> {
    this.#stopping.abort();
    await this.#running;
    this.#heap.close();
    const counted = this.#samples.filter(({ atMs }) => atMs >= this.#beganMs + WARM_UP_MS);
    const quarter = Math.ceil(counted.length / 4);
    const last = this.#samples.at(-1);
    return {
      samples: counted.length,
      hours: ((last?.atMs ?? 0) - (counted[0]?.atMs ?? 0)) / 3_600_000,
      heapMib: (last?.heapBytes ?? Number.NaN) / MIB,
      heap: slopeOf(counted.map(({ atMs, heapBytes }) => ({ atMs, value: heapBytes / MIB }))),
      residentMib: (last?.residentBytes ?? Number.NaN) / MIB,
      resident: slopeOf(counted.map(({ atMs, residentBytes }) => ({ atMs, value: residentBytes / MIB }))),
      resources: last?.resources ?? Number.NaN,
      resourcesMore: medianResources(counted.slice(-quarter)) - medianResources(counted.slice(0, quarter)),
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const sample = await this.#heap.sample().catch(() => undefined); // a fault has stopped the gate
      if (sample) this.#samples.push({ ...sample, atMs: performance.now() });
      await delay(EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }
}

function medianResources(samples: readonly Sample[]): number {
  const sorted = samples.map(({ resources }) => resources).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
