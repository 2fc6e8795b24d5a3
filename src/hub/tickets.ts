/**
 * Tickets: a client that can set neither a header nor a subprotocol shows one in a URL, instead of its token. Each is
 * good once, for a short time.
 *
 * A ticket is signed with the token that was shown for it, so every gate that knows that token can check it, also while
 * Redis is away. Which tickets were used is known to the whole fleet; while Redis is away, each gate knows its own
 * only.
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { permits, type Scope, type Token } from '../access.ts';
import type { FleetCache } from './figures/fleet-cache.ts';
import { MemoryCache } from './figures/memory-cache.ts';

const TICKET = /^(?<content>(?<expires>[0-9a-z]{1,11})\.(?<nonce>[\w-]{22}))\.(?<signature>[\w-]{43})$/;
const PURPOSE = 'wsgate ticket';

export class Tickets {
  readonly #tokens: readonly Token[];
  readonly #ttlMs: number;
  readonly #fleet: FleetCache;
  readonly #own = new MemoryCache();

  constructor(tokens: readonly Token[], ttlMs: number, cache: FleetCache) {
    this.#tokens = tokens;
    this.#ttlMs = ttlMs;
    this.#fleet = cache;
  }

  issue(token: Token): { readonly ticket: string; readonly expires: Date } {
    const expires = Date.now() + this.#ttlMs;
    const content = `${expires.toString(36)}.${randomBytes(16).toString('base64url')}`;
    return { ticket: `${content}.${sign(token, content)}`, expires: new Date(expires) };
  }

  /** Whether its time has not passed, and it was signed with a token of that scope. It may have been used. */
  permits(ticket: string, scope: Scope): boolean {
    const { content, expires, signature } = TICKET.exec(ticket)?.groups ?? {};
    if (content === undefined || expires === undefined || signature === undefined) return false;
    const shown = Buffer.from(signature);
    const [signer] = this.#tokens.filter((token) => equal(Buffer.from(sign(token, content)), shown));
    return signer !== undefined && permits(signer, scope) && Number.parseInt(expires, 36) > Date.now();
  }

  /** Uses a ticket up that is permitted. Resolves to whether nobody had used it before. */
  async redeem(ticket: string): Promise<boolean> {
    const nonce = TICKET.exec(ticket)?.groups?.nonce;
    const key = `ticket:${nonce}`;
    const keptMs = this.#ttlMs * 2; // gates' clocks differ
    const here = await this.#own.claim(key, keptMs);
    const everywhere = await this.#fleet.claim(key, keptMs);
    return here.ok && here.value && (!everywhere.ok || everywhere.value);
  }
}

function sign({ secret }: Token, content: string): string {
  return createHmac('sha256', secret).update(`${PURPOSE} ${content}`).digest('base64url');
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
