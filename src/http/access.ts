/**
 * Who may ask. With tokens configured: whoever shows one. Without: whoever is on this machine, since the configuration
 * lets the server listen on loopback only; but not a web page of somebody else's in a browser on this machine.
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from './problem.ts';

export type AccessHook = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

export function accessHook(tokens: readonly string[]): AccessHook {
  const digests = tokens.map(digest);
  return async (request, reply) => {
    if (digests.length === 0) {
      const { host = '', origin } = request.headers;
      const own = origin === undefined || origin === `http://${host}`;
      if (LOOPBACK_HOST.test(host) && own) return undefined;
      return sendProblem(reply, 403, 'without http.tokens, only requests made to a loopback name are answered');
    }
    const [, token = ''] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    const shown = digest(token);
    // All are compared, and equal lengths: the time tells neither which token is near nor how near.
    const known = digests.map((expected) => timingSafeEqual(expected, shown)).includes(true);
    if (known) return undefined;
    reply.header('www-authenticate', 'Bearer realm="wsgate"');
    return sendProblem(reply, 401, 'this needs a bearer token: Authorization: Bearer …, one of http.tokens');
  };
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
