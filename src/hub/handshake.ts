/**
 * The way in: a WebSocket's HTTP request, to the feed that its path names. Whoever may not in gets a plain HTTP answer,
 * with a problem document as everywhere.
 *
 * A token comes in the Authorization header; as the subprotocol `bearer.<the token in base64url>` beside `wsgate`, for
 * browsers, which cannot set headers; or as `?ticket=`, a single-use one of `POST /v1/tickets`. Never in the URL itself:
 * URLs stand in access logs.
 */

import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Access } from '../access.ts';
import { Room } from '../net/quota.ts';
import type { Feed } from './feeds/feed.ts';
import type { HubMetrics, Refused } from './hub-metrics.ts';
import type { Tickets } from './tickets.ts';

export interface DoorOptions {
  readonly clientsMax: number;
  readonly clientsPerAddressMax: number;
}

interface Refusal {
  readonly status: number;
  readonly why: Refused;
  readonly detail: string;
}

const STOPPING: Refusal = { status: 503, why: 'stopping', detail: 'this gate is stopping' };
const SUBPROTOCOL = 'wsgate';
const BEARER = 'bearer.';
/** For whoever was refused because there are too many. */
const RETRY_AFTER_S = 10;

export class Door {
  readonly #access: Access;
  readonly #tickets: Tickets;
  readonly #metrics: HubMetrics;
  readonly #begun: Promise<void>;
  readonly #room: Room;
  readonly #options: DoorOptions;
  readonly #feeds = new Map<string, { readonly feed: Feed; readonly server: WebSocketServer }>();
  #closed = false;

  constructor(
    parts: {
      access: Access;
      tickets: Tickets;
      metrics: HubMetrics;
      feeds: Readonly<Record<string, Feed>>;
      /** Nobody gets in before: there is no history yet to go on from. */
      begun: Promise<void>;
    },
    options: DoorOptions,
  ) {
    this.#access = parts.access;
    this.#tickets = parts.tickets;
    this.#metrics = parts.metrics;
    this.#begun = parts.begun;
    this.#options = options;
    this.#room = new Room('hub.clients', { max: options.clientsMax, perAddressMax: options.clientsPerAddressMax });
    for (const [path, feed] of Object.entries(parts.feeds)) {
      const server = new WebSocketServer({
        noServer: true,
        clientTracking: false,
        perMessageDeflate: false, // costs each client more memory than all else together
        maxPayload: feed.messageBytesMax,
        handleProtocols: (offered) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
      });
      this.#feeds.set(path, { feed, server });
    }
  }

  /** Nobody gets in any more. */
  close(): void {
    this.#closed = true;
  }

  /** For the `upgrade` event of an HTTP server. */
  async enter(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const cut = () => socket.destroy();
    socket.on('error', cut);
    const address = request.socket.remoteAddress;
    const url = URL.parse(request.url ?? '', 'http://gate') ?? new URL('http://gate');
    const place = this.#feeds.get(url.pathname);
    if (!place) return this.#refuse(socket, notThere(url.pathname));
    const { refusal, ticket } = this.#judge(request, url);
    if (refusal) return this.#refuse(socket, refusal);
    // It has its place before its ticket is used, so that who is sent away for want of room can show it again.
    const full = this.#room.take(address);
    if (full !== undefined) return this.#refuse(socket, this.#tooMany(full));
    const gone = once(() => this.#room.give(address));
    socket.once('close', gone); // a client may leave in the middle of it
    const late = await this.#judgeLate(ticket);
    if (late) {
      gone();
      return this.#refuse(socket, late);
    }
    place.server.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', cut);
      socket.off('close', gone);
      place.feed.accept(webSocket, gone);
    });
  }

  /** All that can be said at once. `ticket`: one of ours, that has still to be redeemed. */
  #judge({ headers }: IncomingMessage, url: URL): { refusal?: Refusal; ticket?: string } {
    if (!this.#access.trusts(headers)) {
      const detail = 'the origin of this web page is not among http.origins';
      return { refusal: { status: 403, why: 'origin', detail } };
    }
    if (this.#closed) return { refusal: STOPPING };
    const refusal = this.#access.refusal(headers, tokenAmong(headers['sec-websocket-protocol']));
    if (!refusal) return {};
    const ticket = url.searchParams.get('ticket');
    return ticket !== null && this.#tickets.isOurs(ticket) ? { ticket } : { refusal: { ...refusal, why: 'access' } };
  }

  /** What can be said only after a while. */
  async #judgeLate(ticket: string | undefined): Promise<Refusal | undefined> {
    await this.#begun;
    const isGood = ticket === undefined || (await this.#tickets.redeem(ticket));
    if (this.#closed) return STOPPING;
    return isGood ? undefined : { status: 401, why: 'access', detail: 'this ticket has been used' };
  }

  #tooMany(key: string): Refusal {
    const { clientsMax, clientsPerAddressMax } = this.#options;
    return key === 'hub.clientsMax'
      ? { status: 503, why: 'clients', detail: `there are ${clientsMax} clients here already` }
      : { status: 429, why: 'address', detail: `there are ${clientsPerAddressMax} clients from your address already` };
  }

  #refuse(socket: Duplex, { status, why, detail }: Refusal): void {
    this.#metrics.refused(why);
    const title = STATUS_CODES[status] ?? 'Error';
    const body = JSON.stringify({ type: 'about:blank', title, status, detail });
    const head = [
      `HTTP/1.1 ${status} ${title}`,
      'content-type: application/problem+json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      ...(status === 401 ? ['www-authenticate: Bearer realm="wsgate"'] : []),
      ...(status === 429 || status === 503 ? [`retry-after: ${RETRY_AFTER_S}`] : []),
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
  }
}

/** The token that a browser put among the subprotocols. */
function tokenAmong(protocols: string | undefined): string | undefined {
  const shown = protocols?.split(',').map((protocol) => protocol.trim());
  const bearer = shown?.find((protocol) => protocol.startsWith(BEARER));
  return bearer && Buffer.from(bearer.slice(BEARER.length), 'base64url').toString();
}

function notThere(path: string): Refusal {
  return { status: 404, why: 'path', detail: `there is no WebSocket at ${path}` };
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}
