/** WebSocket upgrades as clients make them, as cheap as they can be made: a TCP connection, one request, its answer. */

import { connect, type Socket } from 'node:net';

const ANSWER_WITHIN_MS = 10_000;

/** With the headers of a browser. */
function request(path: string): string {
  const headers = [
    'host: edge.example.com',
    'connection: Upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    'sec-websocket-key: N9UG8WNvFNNe5lcIXOr9rg==',
    'origin: https://app.example.com',
    'accept-language: en-GB,en;q=0.9',
    'accept-encoding: gzip, deflate, br, zstd',
    'user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  ];
  return `GET ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`;
}

/** Resolves with the open connection at its 101; rejects at any other answer, or none. */
export function upgrade(port: number, path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(request(path)));
    socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS} ms`)));
    socket.once('error', reject);
    socket.once('data', (bytes) => {
      socket.setTimeout(0);
      if (bytes.toString('latin1', 0, 12) === 'HTTP/1.1 101') resolve(socket);
      else socket.destroy(new Error(bytes.toString('latin1', 0, 100)));
    });
  });
}

/** Opens one and cuts it off. A reset: connections that are closed in order keep their ports for a minute. */
export async function upgradeOnce(port: number, path: string): Promise<void> {
  (await upgrade(port, path)).resetAndDestroy();
}
