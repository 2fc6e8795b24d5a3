/**
 * A WebSocket to a gate that reconnects by itself. It is `connecting`, then `open`; once lost it is `waiting`, and then
 * `connecting` again. `closed` is for good.
 *
 * It waits as long as the gate asked for when it stopped, else as `backoff.ts` says. Programs do not see the gate's
 * ping frames, so the socket sends pings of its own: a gate that says nothing between one ping and the next is gone.
 *
 * By hand, not partysocket or reconnecting-websocket: neither takes its wait from the server, or notices a silent one.
 */

import { type Backoff, Waits } from './backoff.ts';

export type Status =
  | { readonly state: 'connecting' | 'open' | 'closed' }
  /** Why there is no connection, and in how many milliseconds the next attempt comes. */
  | { readonly state: 'waiting'; readonly reason: string; readonly retryMs: number };

export interface SocketOptions {
  /** Of the gate's WebSocket, with its scheme: `wss://gate.example/ws`, or the same with `https:`. */
  readonly url: string | URL;
  /** Called before each attempt: a ticket is good once. Undefined: none is needed. A rejection is a failed attempt. */
  readonly ticket?: () => Promise<string | undefined>;
  readonly backoff?: Partial<Backoff>;
  /** An attempt fails when it takes longer, the ticket included; 10 s unless told. */
  readonly attemptMs?: number;
  /** How often the gate is pinged; 20 s unless told. One that is gone is noticed within twice that. */
  readonly pingMs?: number;
  /** Called at each change with the new status. */
  readonly onState?: (status: Status) => void;
}

export interface SocketEvents<Message> {
  message(message: Message): void;
  /** An attempt failed, or a connection broke. */
  lost(): void;
}

/** The gate is about to close, and says when to come back. */
interface Closing {
  readonly reason: string;
  readonly retry_after_ms: number;
}

type Timer = ReturnType<typeof setTimeout>;

export class ReconnectingSocket<Message extends { readonly type: string }> {
  readonly #url: URL;
  readonly #options: SocketOptions;
  readonly #waits: Waits;
  readonly #attemptMs: number;
  readonly #pingMs: number;
  readonly #events: SocketEvents<Message>;
  #status: Status = { state: 'connecting' };
  #socket: WebSocket | undefined;
  /** Grows with each attempt, and at its end: what comes late of an earlier attempt is ignored. */
  #attempt = 0;
  #openedAtMs: number | undefined;
  #heard = false;
  #closing: Closing | undefined;
  #timer: Timer | undefined;
  #pinging: Timer | undefined;

  /** Throws a TypeError when `url` is none. */
  constructor(options: SocketOptions, events: SocketEvents<Message>) {
    this.#url = new URL(options.url);
    this.#url.protocol = this.#url.protocol.replace('http', 'ws');
    this.#options = options;
    this.#waits = new Waits(options.backoff ?? {}, Math.random);
    this.#attemptMs = options.attemptMs ?? 10_000;
    this.#pingMs = options.pingMs ?? 20_000;
    this.#events = events;
    void this.#connect();
  }

  get status(): Status {
    return this.#status;
  }

  /** Without a connection the message is dropped. */
  send(message: object): void {
    if (this.#status.state === 'open') this.#socket?.send(JSON.stringify(message));
  }

  /** Gives up the connection, if there is one, and tries again. */
  lose(reason: string): void {
    if (this.#status.state === 'closed') return;
    this.#drop();
    const lastedMs = this.#openedAtMs === undefined ? 0 : performance.now() - this.#openedAtMs;
    this.#openedAtMs = undefined;
    const retryMs = this.#closing?.retry_after_ms ?? this.#waits.next(lastedMs);
    const why = this.#closing?.reason ?? reason;
    this.#closing = undefined;
    this.#timer = setTimeout(() => {
      this.#become({ state: 'connecting' });
      if (this.#status.state === 'connecting') void this.#connect(); // else it was closed because of that
    }, retryMs);
    this.#events.lost();
    this.#become({ state: 'waiting', reason: why, retryMs });
  }

  close(): void {
    if (this.#status.state === 'closed') return;
    this.#drop();
    this.#become({ state: 'closed' });
  }

  async #connect(): Promise<void> {
    const attempt = ++this.#attempt;
    this.#timer = setTimeout(() => this.lose(`no connection within ${this.#attemptMs} ms`), this.#attemptMs);
    try {
      const ticket = await this.#options.ticket?.();
      if (attempt !== this.#attempt) return;
      const url = new URL(this.#url);
      if (ticket !== undefined) url.searchParams.set('ticket', ticket);
      this.#open(new WebSocket(url));
    } catch (error) {
      if (attempt === this.#attempt) this.lose(error instanceof Error ? error.message : String(error));
    }
  }

  #open(socket: WebSocket): void {
    this.#socket = socket;
    socket.onopen = () => {
      clearTimeout(this.#timer);
      this.#openedAtMs = performance.now();
      this.#heard = true;
      this.#pinging = setInterval(() => this.#ping(), this.#pingMs);
      this.#become({ state: 'open' });
    };
    socket.onmessage = ({ data }) => this.#hear(data);
    // An error event has no details, and a close event follows it.
    socket.onclose = ({ code, reason }) =>
      this.lose(reason || (code === 1006 ? 'no connection' : `close code ${code}`));
  }

  #hear(data: unknown): void {
    this.#heard = true;
    const message = parse<Message | Closing>(data);
    if (!message) this.lose('what answers there is no gate');
    else if ('retry_after_ms' in message) this.#closing = message;
    else this.#events.message(message);
  }

  #ping(): void {
    if (this.#heard) {
      this.#heard = false;
      this.send({ type: 'ping' });
    } else {
      this.lose(`not a word for ${this.#pingMs} ms`);
    }
  }

  #drop(): void {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    clearInterval(this.#pinging);
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #become(status: Status): void {
    this.#status = status;
    this.#options.onState?.(status);
  }
}

/** Undefined for a message that no gate sends. */
function parse<Message>(data: unknown): Message | undefined {
  try {
    const message = JSON.parse(String(data));
    return typeof message === 'object' ? (message ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}
