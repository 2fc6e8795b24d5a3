/** A client that begins upgrades and aborts each before its answer, so many a second. */

import { connect, type Socket } from 'node:net';

const EVERY_MS = 10;
/** An upgrade is aborted after so long: by then Envoy has read it, and asks a gate. */
const ABORT_MS = 1;

export class Resetter {
  readonly #sockets = new Set<Socket>();
  #timer: NodeJS.Timeout | undefined;

  /** `port`: of an Envoy on this machine. */
  begin(port: number, path: string, perSecond: number): void {
    const each = Math.round((perSecond * EVERY_MS) / 1000);
    this.#timer = setInterval(() => {
      for (let count = 0; count < each; count++) this.#once(port, path);
    }, EVERY_MS);
  }

  end(): void {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #once(port: number, path: string): void {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#sockets.add(socket);
    socket.on('error', () => {}); // 'close' follows
    socket.once('close', () => this.#sockets.delete(socket));
    socket.once('connect', () => {
      socket.write(upgrade(path), () => setTimeout(() => socket.resetAndDestroy(), ABORT_MS));
    });
  }
}

function upgrade(path: string): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    ...['Host: bench', 'Connection: Upgrade', 'Upgrade: websocket'],
    ...['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='],
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}
