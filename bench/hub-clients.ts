/** Many WebSocket clients of one gate's hub, in a process of their own. */

import { fileURLToPath } from 'node:url';
import type { Gate } from '../lab/fleet/gate.ts';
import { start, until } from '../lab/fleet/processes.ts';
import type { Stand } from './stand.ts';

const PROGRAM = fileURLToPath(new URL('./programs/hub-clients.ts', import.meta.url));
const WITHIN_MS = 60_000;

export interface Report {
  readonly received: number;
  readonly latenciesMs: readonly number[];
}

export interface Clients {
  /** What they got until the next `bench.end`. */
  report(): Promise<Report>;
}

export async function startClients(stand: Stand, gate: Gate, count: number): Promise<Clients> {
  const url = `ws://127.0.0.1:${gate.httpPort}/ws`;
  const program = await start({ name: 'clients', file: process.execPath, args: [PROGRAM, url, String(count)] });
  stand.owns(() => program.stop());
  let read = 0;
  const line = async (): Promise<string> => {
    read += 1;
    await until(
      `the clients say something; they said ${program.lines().at(-1)?.slice(0, 500)}`,
      () => program.lines().length >= read,
      WITHIN_MS,
    );
    return program.lines()[read - 1] ?? '';
  };
  const first = await line();
  if (first !== 'open') throw new Error(first);
  return { report: async () => JSON.parse(await line()) as Report };
}
