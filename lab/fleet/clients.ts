/** Many real WebSockets at once, from this process. */

import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';

/** Upgrades that wait for their answer at once, if a caller does not say. */
const CONCURRENCY = 50;
/** An upgrade that has no answer by then has failed. */
const UPGRADE_DEADLINE_MS = 10_000;

/** One WebSocket, which can also be cut off the hard way. */
export class Client extends WebSocket {
  #tcp: Socket | undefined;

  constructor(url: string, headers: Readonly<Record<string, string>>) {
    super(url, { headers, perMessageDeflate: false, handshakeTimeout: UPGRADE_DEADLINE_MS });
    this.once('upgrade', (response: IncomingMessage) => {
      this.#tcp = response.socket;
    });
    this.on('error', () => {}); // who opens it sees it fail; later, 'close' follows
  }

  /** Sends a TCP reset: no close frame, no FIN. */
  reset(): void {
    this.#tcp?.resetAndDestroy();
  }
}

export interface Refusal {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Outcome {
  readonly opened: Client[];
  readonly refused: Refusal[];
  /** No HTTP answer at all. */
  readonly failed: Error[];
}

export interface OpenOptions {
  readonly concurrency?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** No further WebSocket is begun once it is aborted. */
  readonly signal?: AbortSignal;
  /** Called after each answer. */
  readonly onAnswer?: (outcome: Outcome) => void;
}

/** Opens one WebSocket to each of the URLs. */
export async function openEach(urls: readonly string[], options: OpenOptions = {}): Promise<Outcome> {
  const outcome: Outcome = { opened: [], refused: [], failed: [] };
  const waiting = urls.values();
  const worker = async () => {
    for (const url of waiting) {
      if (options.signal?.aborted) return;
      await openOne(url, options.headers ?? {}, outcome);
      options.onAnswer?.(outcome);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency ?? CONCURRENCY }, worker));
  return outcome;
}

/** Opens `count` WebSockets to one URL. */
export function open(url: string, count: number, options: OpenOptions = {}): Promise<Outcome> {
  return openEach(
    Array.from({ length: count }, () => url),
    options,
  );
}

/** Closes them with a close frame each, and waits until all are closed. */
export async function closeAll(clients: readonly Client[]): Promise<void> {
  await Promise.all(
    clients.map(async (client) => {
      if (client.readyState === WebSocket.CLOSED) return;
      const closed = once(client, 'close');
      client.close();
      await closed;
    }),
  );
}

async function openOne(url: string, headers: Readonly<Record<string, string>>, outcome: Outcome): Promise<void> {
  const client = new Client(url, headers);
  const answer = await new Promise<Client | IncomingMessage | Error>((resolve) => {
    client.once('open', () => resolve(client));
    client.once('error', resolve);
    client.once('unexpected-response', (_request, response) => resolve(response));
  });
  if (answer instanceof Error) outcome.failed.push(answer);
  else if (answer instanceof Client) outcome.opened.push(answer);
  else outcome.refused.push(await refusalOf(answer));
}

async function refusalOf(response: IncomingMessage): Promise<Refusal> {
  let body = '';
  try {
    for await (const chunk of response) body += String(chunk);
  } catch {
    body += ' (cut off)';
  }
  return { status: response.statusCode ?? 0, body, headers: response.headers };
}
