/**
 * A network between two programs that can be cut: a TCP proxy. Cut, it forwards nothing, and says nothing: neither side
 * learns more than from a pulled cable. Healed, it goes on with what was on its way, as TCP does.
 */

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Wire {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** Connections that began while it was cut. */
  readonly #waiting = new Set<Socket>();
  #port: number;
  #cut = false;

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** To a port of this machine. */
  static async to(port: number): Promise<Wire> {
    const wire = new Wire(port);
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    return wire;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('a wire listens on a port');
    return address.port;
  }

  cut(): void {
    this.#cut = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  heal(): void {
    this.#cut = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
    for (const socket of this.#waiting) this.#join(socket);
    this.#waiting.clear();
  }

  /** Connections from now on lead to another port; those of before break. */
  leadTo(port: number): void {
    this.#port = port;
    this.breakAll();
  }

  breakAll(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#waiting) socket.destroy();
    this.breakAll();
  }

  #accept(socket: Socket): void {
    socket.on('error', () => {}); // 'close' follows
    if (!this.#cut) {
      this.#join(socket);
      return;
    }
    this.#waiting.add(socket);
    socket.once('close', () => this.#waiting.delete(socket));
  }

  #join(near: Socket): void {
    const far = connect({ port: this.#port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    far.on('error', () => {});
    near.setNoDelay();
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    this.#forward(near, far, pair);
    this.#forward(far, near, pair);
    near.resume();
  }

  #forward(from: Socket, to: Socket, pair: readonly [Socket, Socket]): void {
    from.on('data', (bytes) => {
      if (!to.write(bytes)) from.pause();
    });
    to.on('drain', () => {
      if (!this.#cut) from.resume();
    });
    from.on('end', () => to.end());
    from.on('close', () => {
      this.#pairs.delete(pair);
      to.destroy();
    });
  }
}
