/** Errors as RFC 9457 problem documents. */

import { STATUS_CODES } from 'node:http';

export function problem(status: number, detail: string) {
  return { type: 'about:blank', title: titleOf(status), status, detail };
}

/** The whole HTTP message, for a socket without a Fastify reply. The connection has to be closed after it. */
export function problemMessage(status: number, detail: string, headers: readonly string[] = []): string {
  const body = JSON.stringify(problem(status, detail));
  const head = [
    `HTTP/1.1 ${status} ${titleOf(status)}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    ...headers,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

function titleOf(status: number): string {
  return STATUS_CODES[status] ?? 'Error';
}
