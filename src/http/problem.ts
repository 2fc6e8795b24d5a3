/** Errors as RFC 9457 problem documents. */

import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';

export function sendProblem(reply: FastifyReply, status: number, detail: string): FastifyReply {
  return reply.code(status).type('application/problem+json').send(problem(status, detail));
}

/** The whole HTTP message, for a socket whose request nobody could read. The connection has to be closed after it. */
export function problemMessage(status: number, detail: string): string {
  const body = JSON.stringify(problem(status, detail));
  const head = [
    `HTTP/1.1 ${status} ${titleOf(status)}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

function problem(status: number, detail: string) {
  return { type: 'about:blank', title: titleOf(status), status, detail };
}

function titleOf(status: number): string {
  return STATUS_CODES[status] ?? 'Error';
}
