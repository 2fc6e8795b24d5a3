/**
 * How much of a Node process's heap is in use, garbage taken out first. What is resident tells less, because V8 gives
 * memory back when it likes.
 */

import { Inspector } from './inspector.ts';
import type { Program } from './processes.ts';

export class Heap {
  readonly #inspector: Inspector;

  private constructor(inspector: Inspector) {
    this.#inspector = inspector;
  }

  /** Of a process in the environment `ASKABLE`. */
  static async of(program: Program): Promise<Heap> {
    return new Heap(await Inspector.of(program));
  }

  /** Bytes, buffers included. */
  async used(): Promise<number> {
    await this.#inspector.ask('HeapProfiler.collectGarbage');
    type Usage = { usedSize: number; backingStorageSize: number };
    const { usedSize = 0, backingStorageSize = 0 } = await this.#inspector.ask<Usage>('Runtime.getHeapUsage');
    return usedSize + backingStorageSize;
  }

  /** The heap in use, what is resident, and how many timers, sockets and the like there are. */
  async sample(): Promise<{ heapBytes: number; residentBytes: number; resources: number }> {
    const heapBytes = await this.used();
    const expression = '[process.memoryUsage.rss(), process.getActiveResourcesInfo().length]';
    type Evaluated = { result: { value?: [number, number] } };
    const { result } = await this.#inspector.ask<Evaluated>('Runtime.evaluate', { expression, returnByValue: true });
    const [residentBytes, resources] = result?.value ?? [0, 0];
    return { heapBytes, residentBytes, resources };
  }

  close(): void {
    this.#inspector.close();
  }
}
