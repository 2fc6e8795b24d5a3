/**
 * A TCP relay before a gate: to a client, one that is cut is a gate that was killed, one that is held is a gate that
 * hangs.
 */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export class Relay {
  /** All that came from the gate. A WebSocket server's frames are not masked: its texts can be read in it. */
  said = '';
  readonly #server = createServer((client) => this.#relay(client));
  /** The gate's port on this machine. Undefined: there is nobody, and a connection breaks at once. */
  to: number | undefined;
  #held: Socket[] | undefined;
  readonly #sockets = new Set<Socket>();

  private constructor(to: number) {
    this.to = to;
  }

  static async start(to: number): Promise<Relay> {
    const relay = new Relay(to);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks the connections that are open; new ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Connections are taken, and nothing passes on any. */
  hold(): void {
    this.#held = [];
    for (const socket of this.#sockets) socket.pause();
  }

  letGo(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const socket of this.#sockets) socket.resume();
    for (const client of held) this.#relay(client);
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #relay(client: Socket): void {
    this.#own(client);
    if (this.#held) {
      this.#held.push(client);
      return;
    }
    if (this.to === undefined || client.destroyed) {
      client.destroy();
      return;
    }
    const gate = this.#own(connect(this.to, '127.0.0.1'));
    gate.on('data', (data) => {
      this.said += data.toString();
    });
    client.once('close', () => gate.destroy());
    gate.once('close', () => client.destroy());
    client.pipe(gate);
    gate.pipe(client);
  }

  #own(socket: Socket): Socket {
    if (this.#sockets.has(socket)) return socket;
    this.#sockets.add(socket);
    socket.on('error', () => {}); // `close` follows
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }
}
