/** Bounds the connections of a server. Those beyond the quota are closed: there is no request yet to answer. */

import type { Server, Socket } from 'node:net';
import type { Quota } from './quota.ts';

export class Connections {
  readonly #quota: Quota;
  readonly #reached: (key: string) => void;
  readonly #addresses = new Map<Socket, string | undefined>();

  constructor(quota: Quota, reached: (key: string) => void) {
    this.#quota = quota;
    this.#reached = reached;
  }

  bound(server: Server): void {
    server.on('connection', (socket: Socket) => {
      const address = socket.remoteAddress;
      const key = this.#quota.take(address);
      if (key !== undefined) {
        this.#reached(key);
        socket.destroy();
        return;
      }
      this.#addresses.set(socket, address);
      socket.once('close', () => this.leave(socket));
    });
  }

  /** From now on somebody else counts this connection. */
  leave(socket: Socket): void {
    const address = this.#addresses.get(socket);
    if (this.#addresses.delete(socket)) this.#quota.give(address);
  }
}
