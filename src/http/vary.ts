/** Says in `vary` which headers of the request an answer depends on, beside those that it names already. */

import type { FastifyReply } from 'fastify';

export function varyBy(reply: FastifyReply, header: string): void {
  const before = [reply.getHeader('vary') ?? []].flat().map(String);
  reply.header('vary', [...before, header].join(', '));
}
