/**
 * How much of a Node process's heap is in use, garbage taken out first: by way of its inspector. What is resident tells
 * less, because V8 gives memory back when it likes.
 */

import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Program } from '../fleet/processes.ts';

/** The environment of a process that can be asked. */
export const ASKABLE = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

const DEADLINE_MS = 20_000;

interface Answer {
  readonly id: number;
  readonly result?: {
    readonly usedSize?: number;
    readonly backingStorageSize?: number;
    readonly result?: { readonly value?: unknown };
  };
}

export class Heap {
  readonly #socket: WebSocket;
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  static async of(program: Program): Promise<Heap> {
    const url = program.lines().flatMap((line) => /ws:\/\/\S+/.exec(line)?.[0] ?? [])[0];
    if (url === undefined) throw new Error(`${program.name} has no inspector`);
    const socket = new WebSocket(url);
    await once(socket, 'open');
    return new Heap(socket);
  }

  /** Bytes, buffers included. */
  async used(): Promise<number> {
    await this.#ask('HeapProfiler.collectGarbage');
    const { usedSize = 0, backingStorageSize = 0 } = (await this.#ask('Runtime.getHeapUsage')).result ?? {};
    return usedSize + backingStorageSize;
  }

  /** The heap in use, what is resident, and how many timers, sockets and the like there are. */
  async sample(): Promise<{ heapBytes: number; residentBytes: number; resources: number }> {
    const heapBytes = await this.used();
    const expression = '[process.memoryUsage.rss(), process.getActiveResourcesInfo().length]';
    const answer = await this.#ask('Runtime.evaluate', { expression, returnByValue: true });
    const [residentBytes, resources] = (answer.result?.result?.value ?? [0, 0]) as [number, number];
    return { heapBytes, residentBytes, resources };
  }

  close(): void {
    this.#socket.terminate();
  }

  async #ask(method: string, params: object = {}): Promise<Answer> {
    this.#asked += 1;
    const id = this.#asked;
    this.#socket.send(JSON.stringify({ id, method, params }));
    const signal = AbortSignal.timeout(DEADLINE_MS);
    for (;;) {
      const [data] = (await once(this.#socket, 'message', { signal })) as [Buffer];
      const answer = JSON.parse(data.toString()) as Answer;
      if (answer.id === id) return answer;
    }
  }
}
