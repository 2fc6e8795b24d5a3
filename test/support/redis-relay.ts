/** A TCP relay before a Redis, which can leave single connections without answers: those over which a text is sent. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export class RedisRelay {
  /** The port of the Redis that new connections lead to. */
  to: number;
  readonly #server = createServer((client) => this.#relay(client));
  readonly #sockets = new Set<Socket>();
  #text: string | undefined;
  #letGo = new Set<() => void>();

  private constructor(to: number) {
    this.to = to;
  }

  static async start(to: number): Promise<RedisRelay> {
    const relay = new RedisRelay(to);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many connections are held. */
  get held(): number {
    return this.#letGo.size;
  }

  /** From the piece with this text on, nothing that is said over its connection arrives. */
  hold(text: string): void {
    this.#text = text;
  }

  /** What was held arrives now. */
  letGo(): void {
    this.#text = undefined;
    for (const letGo of this.#letGo) letGo();
    this.#letGo.clear();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #relay(client: Socket): void {
    const redis = connect(this.to, '127.0.0.1');
    let held: Buffer[] | undefined;
    const letGo = () => {
      for (const data of held ?? []) redis.write(data);
      held = undefined;
    };
    client.on('data', (data) => {
      if (!held && this.#text !== undefined && data.includes(this.#text)) {
        held = [];
        this.#letGo.add(letGo);
      }
      if (held) held.push(data);
      else redis.write(data);
    });
    redis.pipe(client);
    for (const [socket, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {}); // `close` follows
      socket.once('close', () => {
        this.#sockets.delete(socket);
        this.#letGo.delete(letGo);
        other.destroy();
      });
    }
  }
}
