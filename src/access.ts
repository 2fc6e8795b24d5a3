/**
 * Who may ask. With tokens configured: whoever shows one. Without: whoever is on this machine, since the configuration
 * lets the server listen on loopback only; but not a web page of somebody else's in a browser on this machine.
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from './http/problem.ts';

export type AccessHook = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;

export interface AccessRefusal {
  readonly status: 401 | 403;
  readonly detail: string;
}

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

export class Access {
  readonly #digests: readonly Buffer[];
  readonly #origins: readonly string[];

  /** `origins`: whose web pages may ask, beside this server's own. */
  constructor(tokens: readonly string[], origins: readonly string[]) {
    this.#digests = tokens.map(digest);
    this.#origins = origins;
  }

  get needsToken(): boolean {
    return this.#digests.length > 0;
  }

  knows(token: string): boolean {
    const shown = digest(token);
    // All are compared, and equal lengths: the time tells neither which token is near nor how near.
    return this.#digests.map((expected) => timingSafeEqual(expected, shown)).includes(true);
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

  /** `token`: one that was shown in another way than by the Authorization header. */
  refusal(headers: IncomingHttpHeaders, token?: string): AccessRefusal | undefined {
    if (!this.needsToken) {
      if (LOOPBACK_HOST.test(headers.host ?? '') && this.trusts(headers)) return undefined;
      return { status: 403, detail: 'without http.tokens, only requests made to a loopback name are answered' };
    }
    const [, bearer = ''] = /^Bearer (\S+)$/i.exec(headers.authorization ?? '') ?? [];
    if (this.knows(token ?? bearer)) return undefined;
    return { status: 401, detail: 'this needs a bearer token: Authorization: Bearer …, one of http.tokens' };
  }
}

export function accessHook(access: Access): AccessHook {
  return async (request, reply) => {
    const refusal = access.refusal(request.headers);
    if (!refusal) return undefined;
    if (refusal.status === 401) reply.header('www-authenticate', 'Bearer realm="wsgate"');
    return sendProblem(reply, refusal.status, refusal.detail);
  };
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
