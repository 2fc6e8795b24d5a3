/** A TCP relay before a gate, which a test can cut. It keeps what the gate said. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export class Relay {
  /** All that came from the gate. A WebSocket server's frames are not masked: its texts can be read in it. */
  said = '';
  readonly #server = createServer((client) => this.#relay(client));
  readonly #to: number;
  readonly #sockets = new Set<Socket>();

  private constructor(to: number) {
    this.#to = to;
  }

  /** `to`: a port on this machine. */
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

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #relay(client: Socket): void {
    const gate = connect(this.#to, '127.0.0.1');
    gate.on('data', (data) => {
      this.said += data.toString();
    });
    for (const [from, to] of [
      [client, gate],
      [gate, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => {}); // `close` follows
      from.once('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}
