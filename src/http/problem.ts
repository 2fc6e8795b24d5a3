/** Answers a request with a problem document. */

import type { FastifyReply } from 'fastify';
import type { StoreAway } from '../admission/lease-store.ts';
import { problem } from '../net/problem.ts';

export function sendProblem(reply: FastifyReply, status: number, detail: string): FastifyReply {
  return reply.code(status).type('application/problem+json').send(problem(status, detail));
}

export function sendAway(reply: FastifyReply, { detail }: StoreAway): FastifyReply {
  return sendProblem(reply, 503, `the store does not answer: ${detail}`);
}
