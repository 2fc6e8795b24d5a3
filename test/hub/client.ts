/** A WebSocket client of the hub for tests: keeps what it is sent, and waits for what should come. */

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type ClientOptions, WebSocket } from 'ws';
import { checkOf, newStream } from '../../lab/fleet/messages.ts';
import { until } from '../../lab/fleet/processes.ts';
import type { CloudEvent } from '../../src/hub/events/cloud-event.ts';
import { type ServerMessage, serverMessage } from '../../src/hub/protocol.ts';
import type { TestApp } from '../support/app.ts';

export class HubClient {
  readonly socket: WebSocket;
  /** All that it was sent, parsed. */
  readonly received: unknown[] = [];
  readonly receivedAtMs: number[] = [];
  openedAtMs = 0;
  #read = 0;
  readonly #closed: Promise<{ code: number; reason: string }>;

  private constructor(url: string, protocols: string[], options: ClientOptions) {
    this.socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
    this.socket.on('message', (data) => {
      this.received.push(JSON.parse(String(data)));
      this.receivedAtMs.push(performance.now());
    });
    this.socket.once('open', () => {
      this.openedAtMs = performance.now();
    });
    this.#closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
  }

  /** `http` is where the gate listens. Rejects with the status and body of a refusal. */
  static async connect(http: string, path: string, options: ClientOptions & { protocols?: string[] } = {}) {
    const client = new HubClient(http.replace(/^http/, 'ws') + path, options.protocols ?? [], options);
    client.socket.once('unexpected-response', async (_request, response: IncomingMessage) => {
      let body = '';
      for await (const chunk of response) body += String(chunk);
      client.socket.emit('error', new Error(`${response.statusCode} ${body}`));
    });
    await once(client.socket, 'open');
    client.socket.on('error', () => {});
    return client;
  }

  /** A client of `/ws` that has subscribed, as `s1`. */
  static async subscribed(http: string, filters: object = {}): Promise<HubClient> {
    const client = await HubClient.connect(http, '/ws');
    client.send({ type: 'subscribe', subscription_id: 's1', filters });
    await client.next('subscribed');
    return client;
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The next message of `/ws` that has this type; others before it are passed over. */
  async next<Type extends ServerMessage['type']>(
    type: Type,
    withinMs = 5000,
  ): Promise<Extract<ServerMessage, { type: Type }>> {
    let found: ServerMessage | undefined;
    const look = () => {
      while (!found && this.#read < this.received.length) {
        const message = serverMessage.parse(this.received[this.#read]);
        this.#read += 1;
        if (message.type === type) found = message;
      }
      return found !== undefined;
    };
    await until(`a message of type ${type}; there were ${JSON.stringify(this.received).slice(-2000)}`, look, withinMs);
    return found as Extract<ServerMessage, { type: Type }>;
  }

  /** The events that it was sent so far, by `/ws` or to a console. */
  events(): CloudEvent[] {
    return (this.received as { type: string; event?: CloudEvent }[]).flatMap(({ event }) => event ?? []);
  }

  async eventOf(type: string, withinMs = 5000): Promise<CloudEvent> {
    await until(`an event ${type}`, () => this.events().some((event) => event.type === type), withinMs);
    return this.events().find((event) => event.type === type) as CloudEvent;
  }

  closed(): Promise<{ code: number; reason: string }> {
    return this.#closed;
  }

  /** Stops reading from the connection, as a client that hangs. */
  pause(): void {
    this.socket.pause();
  }

  async close(): Promise<void> {
    this.socket.terminate();
    await this.#closed;
  }
}

/** Lets a connection in. A gate that has just become ready may still have to tell its store what it knows. */
export async function admitted(gate: TestApp, pod: string, proxy?: string): Promise<void> {
  const stream = newStream();
  await until(`${pod} admits one`, async () => {
    const answer = await gate.check(checkOf(stream, pod), proxy);
    return 'okResponse' in answer && answer.okResponse !== undefined;
  });
}

export async function postEvents(http: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${http}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

export function incident(overrides: object = {}): Record<string, unknown> {
  return {
    specversion: '1.0',
    id: crypto.randomUUID(),
    source: 'pager/eu',
    type: 'incident.opened',
    subject: 'checkout',
    severity: 'high',
    priority: 'p1',
    time: '2026-01-02T03:04:05.678Z',
    data: { state: 'open', incident_id: 'INC-7', labels: { team: 'payments', region: 'eu' }, note: 'queue is full' },
    ...overrides,
  };
}
