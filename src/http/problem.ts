/** Answers a request with a problem document. */

import type { FastifyReply } from 'fastify';
import { problem } from '../net/problem.ts';

export function sendProblem(reply: FastifyReply, status: number, detail: string): FastifyReply {
  return reply.code(status).type('application/problem+json').send(problem(status, detail));
}
