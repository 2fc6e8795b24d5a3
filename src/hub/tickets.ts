/**
 * Tickets: what a client that can neither set a header nor a subprotocol shows instead of its token, in a URL. Each is
 * good once, for a short time.
 *
 * A ticket is signed with the token that was shown for it, so any gate of the fleet that knows that token can judge it,
 * with Redis away, too. That it is used once is the fleet's knowledge: while Redis is away, each gate's alone.
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FleetCache } from './fleet-cache.ts';
import { MemoryCache } from './memory-cache.ts';

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

  /** Whether it is a good one. It is none any more then. */
  async redeem(ticket: string): Promise<boolean> {
    const [, content = '', expires = '', nonce = '', signature = ''] =
      /^(([0-9a-z]{1,11})\.([\w-]{22}))\.([\w-]{43})$/.exec(ticket) ?? [];
    const shown = Buffer.from(signature);
    const signed = this.#tokens.map((token) => equal(Buffer.from(sign(token, content)), shown)).includes(true);
    if (!signed || Number.parseInt(expires, 36) <= Date.now()) return false;
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
