/**
 * Which requests are answered. With tokens configured: those that show one with the scope that is needed. Without:
 * those from this machine, since the configuration then lets the server listen on loopback only; but not those of
 * another site's page in a browser on this machine. The HTTP server (`http/scopes.ts`) and the hub's handshake ask
 * here.
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** What a token may do: see everything; change limits, cordon, drain, free slots and close connections; post events. */
export const SCOPES = ['read', 'operate', 'publish'] as const;
export type Scope = (typeof SCOPES)[number];

export interface Token {
  /** Who holds it, where the configuration says so. */
  readonly name?: string;
  readonly secret: string;
  readonly scopes: readonly Scope[];
}

/** As `http.tokens` has one: with a name and scopes, or a secret alone, which may do everything. */
export type WrittenToken =
  | string
  | { readonly name: string; readonly token: string; readonly scopes: readonly Scope[] };

export interface AccessRefusal {
  readonly status: 401 | 403;
  readonly detail: string;
}

export const FOREIGN: AccessRefusal = {
  status: 403,
  detail: 'the origin of this web page is not among http.origins',
};

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** The tokens that `http.tokens` names. */
export function tokensOf(written: readonly WrittenToken[]): Token[] {
  return written.map((one) =>
    typeof one === 'string'
      ? { secret: one, scopes: SCOPES }
      : { name: one.name, secret: one.token, scopes: one.scopes },
  );
}

export function permits(token: Token, scope: Scope): boolean {
  return token.scopes.includes(scope);
}

export class Access {
  readonly tokens: readonly Token[];
  readonly #digests: readonly Buffer[];
  readonly #origins: readonly string[];

  /** `origins`: whose web pages may ask, beside this server's own. */
  constructor(tokens: readonly Token[], origins: readonly string[]) {
    this.tokens = tokens;
    this.#digests = tokens.map(({ secret }) => digest(secret));
    this.#origins = origins;
  }

  /** The token whose secret this is; that of the Authorization header unless given. */
  tokenOf({ authorization = '' }: IncomingHttpHeaders, secret?: string): Token | undefined {
    const [, bearer = ''] = /^Bearer (\S+)$/i.exec(authorization) ?? [];
    const shown = digest(secret ?? bearer);
    // All are compared, and have equal lengths: the time tells neither which token is near nor how near.
    const index = this.#digests.map((expected) => timingSafeEqual(expected, shown)).indexOf(true);
    return this.tokens[index];
  }

  /** Who asks, for the audit trail: the name of the token. */
  authorOf(headers: IncomingHttpHeaders): string {
    const token = this.tokenOf(headers);
    return token ? (token.name ?? 'a token without a name') : 'this machine';
  }

  /** Whether a web page of that origin is this server's own, or one that is allowed. No origin: no web page. */
  trusts({ origin, host = '' }: IncomingHttpHeaders): boolean {
    return (
      origin === undefined ||
      origin === `http://${host}` ||
      origin === `https://${host}` ||
      this.#origins.includes(origin)
    );
  }

  /** `secret`: one that was shown in another way than by the Authorization header. */
  refusal(headers: IncomingHttpHeaders, scope: Scope, secret?: string): AccessRefusal | undefined {
    if (this.tokens.length === 0) {
      if (!LOOPBACK_HOST.test(headers.host ?? '')) {
        return { status: 403, detail: 'without http.tokens, only requests made to a loopback name are answered' };
      }
      return this.trusts(headers) ? undefined : FOREIGN;
    }
    const token = this.tokenOf(headers, secret);
    if (!token)
      return { status: 401, detail: 'this needs a bearer token: Authorization: Bearer …, one of http.tokens' };
    return permits(token, scope) ? undefined : { status: 403, detail: `this needs a token with the scope ${scope}` };
  }
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
