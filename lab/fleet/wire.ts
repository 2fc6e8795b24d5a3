/**
 * A network between two programs that can fail: a TCP proxy. Cut, it forwards nothing, and says nothing: neither side
 * learns more than from a pulled cable. Healed, it goes on with what was on its way, as TCP does. It can break all its
 * connections, too, or hold single ones: those over which a text is sent.
 */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export class Wire {
  /** The port of this machine that new connections lead to. Undefined: nobody is there, and they break at once. */
  to: number | undefined;
  readonly #server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** Connections that began while it was cut. */
  readonly #waiting = new Set<Socket>();
  readonly #held = new Set<Socket>();
  readonly #hear: (bytes: Buffer) => void;
  readonly #from: string;
  #text: string | undefined;
  #cut = false;

  private constructor(to: number, hear: (bytes: Buffer) => void, from: string) {
    this.to = to;
    this.#hear = hear;
    this.#from = from;
  }

  /** To a port of this machine. `hear` gets what comes from there. `from`: its own address, as the port sees it. */
  static async to(port: number, hear: (bytes: Buffer) => void = () => {}, from = '127.0.0.1'): Promise<Wire> {
    const wire = new Wire(port, hear, from);
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    return wire;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    this.#cut = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  heal(): void {
    this.#cut = false;
    for (const pair of this.#pairs) for (const socket of pair) this.#resume(socket);
    for (const socket of this.#waiting) this.#join(socket);
    this.#waiting.clear();
  }

  /** From now on, a connection over which this text is sent forwards nothing more to the port, the text included. */
  hold(text: string): void {
    this.#text = text;
  }

  /** How many connections are held. */
  get held(): number {
    return this.#held.size;
  }

  /** What was held arrives now. */
  letGo(): void {
    this.#text = undefined;
    const held = [...this.#held];
    this.#held.clear();
    for (const socket of held) this.#resume(socket);
  }

  /** Connections from now on lead to another port; those of before break. */
  leadTo(port: number): void {
    this.to = port;
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
    if (this.to === undefined) {
      near.destroy();
      return;
    }
    const localAddress = this.#from;
    const far = connect({ port: this.to, host: '127.0.0.1', localAddress, allowHalfOpen: true, noDelay: true });
    far.on('error', () => {});
    near.setNoDelay();
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    near.on('data', (bytes) => {
      if (this.#text !== undefined && bytes.includes(this.#text)) this.#holdBack(near, bytes);
      else if (!far.write(bytes)) near.pause();
    });
    far.on('data', (bytes) => {
      this.#hear(bytes);
      if (!near.write(bytes)) far.pause();
    });
    this.#tie(near, far, pair);
    this.#tie(far, near, pair);
    near.resume();
  }

  #holdBack(socket: Socket, bytes: Buffer): void {
    this.#held.add(socket);
    socket.pause();
    socket.unshift(bytes);
  }

  #tie(from: Socket, to: Socket, pair: readonly [Socket, Socket]): void {
    to.on('drain', () => this.#resume(from));
    from.on('end', () => to.end());
    from.on('close', () => {
      this.#pairs.delete(pair);
      this.#held.delete(from);
      to.destroy();
    });
  }

  #resume(socket: Socket): void {
    if (!this.#cut && !this.#held.has(socket)) socket.resume();
  }
}
