/** Asks a Node process about its heap and its profile, over the protocol of its debugger. */

import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Program } from './processes.ts';

/** The environment of a process that can be asked. */
export const ASKABLE = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

const DEADLINE_MS = 20_000;

export class Inspector {
  readonly #socket: WebSocket;
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** Of a process in the environment `ASKABLE`. */
  static async of(program: Program): Promise<Inspector> {
    // The last: a gate that takes its own place at its start has had one before.
    const url = program
      .lines()
      .flatMap((line) => /ws:\/\/\S+/.exec(line)?.[0] ?? [])
      .at(-1);
    if (url === undefined) throw new Error(`${program.name} has no inspector`);
    const socket = new WebSocket(url, { maxPayload: 0 }); // a profile is long
    await once(socket, 'open');
    return new Inspector(socket);
  }

  /** `Result`: what the protocol says that the method answers with. Rejects when nothing comes within 20 s. */
  async ask<Result>(method: string, params: object = {}): Promise<Partial<Result>> {
    this.#asked += 1;
    const id = this.#asked;
    this.#socket.send(JSON.stringify({ id, method, params }));
    const signal = AbortSignal.timeout(DEADLINE_MS);
    for (;;) {
      const [data] = (await once(this.#socket, 'message', { signal })) as [Buffer];
      const answer = JSON.parse(data.toString()) as { id?: number; result?: Result };
      if (answer.id === id) return answer.result ?? {};
    }
  }

  close(): void {
    this.#socket.terminate();
  }
}
