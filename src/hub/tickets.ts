/**
 * Tickets: what a client that can neither set a header nor a subprotocol shows instead of its token, in a URL. Each is
 * good once, for a short time.
 *
 * A ticket is signed with the token that was shown for it, so any gate of the fleet that knows that token can judge it,
 * with Redis away, too. That it is used once is the fleet's knowledge: while Redis is away, each gate's alone.
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FleetCache } from './figures/fleet-cache.ts';
import { MemoryCache } from './figures/memory-cache.ts';

const TICKET = /^(?<content>(?<expires>[0-9a-z]{1,11})\.(?<nonce>[\w-]{22}))\.(?<signature>[\w-]{43})$/;
const PURPOSE = 'wsgate ticket';

export class Tickets {
  readonly #tokens: readonly string[];
  readonly #ttlMs: number;
  readonly #fleet: FleetCache;
  readonly #own = new MemoryCache();

  constructor(tokens: readonly string[], ttlMs: number, cache: FleetCache) {
    this.#tokens = tokens;
    this.#ttlMs = ttlMs;
    this.#fleet = cache;
  }

  /** `token`: one that is known. */
  issue(token: string): { readonly ticket: string; readonly expires: Date } {
    const expires = Date.now() + this.#ttlMs;
    const content = `${expires.toString(36)}.${randomBytes(16).toString('base64url')}`;
    return { ticket: `${content}.${sign(token, content)}`, expires: new Date(expires) };
  }

  /** Whether a token that is known has signed it, and its time has not passed. It may have been used. */
  isOurs(ticket: string): boolean {
    const { content, expires, signature } = TICKET.exec(ticket)?.groups ?? {};
    if (content === undefined || expires === undefined || signature === undefined) return false;
    const shown = Buffer.from(signature);
    const signed = this.#tokens.map((token) => equal(Buffer.from(sign(token, content)), shown)).includes(true);
    return signed && Number.parseInt(expires, 36) > Date.now();
  }

  /** One of ours: whether nobody has used it. It is good for nobody any more then. */
  async redeem(ticket: string): Promise<boolean> {
    const nonce = TICKET.exec(ticket)?.groups?.nonce;
    const key = `ticket:${nonce}`;
    const keptMs = this.#ttlMs * 2; // gates' clocks differ
    const here = await this.#own.claim(key, keptMs);
    const everywhere = await this.#fleet.claim(key, keptMs);
    return here.ok && here.value && (!everywhere.ok || everywhere.value);
  }
}

function sign(token: string, content: string): string {
  return createHmac('sha256', token).update(`${PURPOSE} ${content}`).digest('base64url');
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
