/**
 * A WebSocket's HTTP request, which leads to the feed that its path names. A client that is refused gets an HTTP answer
 * with a problem document.
 *
 * A token comes in the Authorization header; or as the subprotocol `bearer.<the token in base64url>` beside `wsgate`,
 * for browsers, which cannot set headers; or as `?ticket=`, a single-use one of `POST /v1/tickets`. A token itself
 * never comes in the URL, because access logs hold URLs.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { type Access, FOREIGN } from '../access.ts';
import { problemMessage } from '../net/problem.ts';
import { Quota } from '../net/quota.ts';
import type { Feed } from './feeds/feed.ts';
import type { HubMetrics, Refused } from './hub-metrics.ts';
import type { Tickets } from './tickets.ts';

export interface HandshakeOptions {
  readonly clientsMax: number;
  readonly clientsPerAddressMax: number;
}

export interface HandshakeParts {
  readonly access: Access;
  readonly tickets: Tickets;
  readonly metrics: HubMetrics;
  /** By path. */
  readonly feeds: Readonly<Record<string, Feed>>;
  /** No client gets in before: there is no history yet to resume from. */
  readonly begun: Promise<void>;
}

interface Refusal {
  readonly status: number;
  readonly why: Refused;
  readonly detail: string;
}

const STOPPING: Refusal = { status: 503, why: 'stopping', detail: 'this gate is stopping' };
const NO_TICKET: Refusal = {
  status: 401,
  why: 'access',
  detail: 'this ticket has expired, or was issued for a token that this gate does not know',
};
const SUBPROTOCOL = 'wsgate';
const BEARER = 'bearer.';
/** For a client that was refused because there are too many. */
const RETRY_AFTER_S = 10;

export class Handshake {
  readonly #parts: HandshakeParts;
  readonly #quota: Quota;
  readonly #options: HandshakeOptions;
  readonly #feeds = new Map<string, { readonly feed: Feed; readonly server: WebSocketServer }>();
  #closed = false;

  constructor(parts: HandshakeParts, options: HandshakeOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#quota = new Quota('hub.clients', { max: options.clientsMax, perAddressMax: options.clientsPerAddressMax });
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

  /** From now on nobody gets in. */
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
    const { refusal, ticket } = this.#judge(request, url, place.feed);
    if (refusal) return this.#refuse(socket, refusal);
    // The quota is taken before the ticket is used: a client that is one too many can show its ticket again.
    const full = this.#quota.take(address);
    if (full !== undefined) return this.#refuse(socket, this.#tooMany(full));
    const gone = once(() => this.#quota.give(address));
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

  /** All that can be decided at once. `ticket`: a valid one, which has still to be redeemed. */
  #judge({ headers }: IncomingMessage, url: URL, { scope }: Feed): { refusal?: Refusal; ticket?: string } {
    const { access, tickets } = this.#parts;
    if (!access.trusts(headers)) return { refusal: { ...FOREIGN, why: 'origin' } };
    if (this.#closed) return { refusal: STOPPING };
    const refusal = access.refusal(headers, scope, secretAmong(headers['sec-websocket-protocol']));
    if (!refusal) return {};
    const ticket = url.searchParams.get('ticket');
    if (ticket === null) return { refusal: { ...refusal, why: 'access' } };
    return tickets.permits(ticket, scope) ? { ticket } : { refusal: NO_TICKET };
  }

  /** What can be decided only after a while. */
  async #judgeLate(ticket: string | undefined): Promise<Refusal | undefined> {
    await this.#parts.begun;
    const isGood = ticket === undefined || (await this.#parts.tickets.redeem(ticket));
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
    this.#parts.metrics.refused(why);
    const headers = [
      ...(status === 401 ? ['www-authenticate: Bearer realm="wsgate"'] : []),
      ...(status === 429 || status === 503 ? [`retry-after: ${RETRY_AFTER_S}`] : []),
    ];
    socket.end(problemMessage(status, detail, headers), () => socket.destroy());
  }
}

/** The token that a browser put among the subprotocols. */
function secretAmong(protocols: string | undefined): string | undefined {
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
