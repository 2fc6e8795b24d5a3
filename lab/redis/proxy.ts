/**
 * What a service puts before its Redis: a proxy that refuses some commands, and changes some answers. Behind it is a real
 * Redis. Its clients' connections outlive a failover of that.
 */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { bulkOf, errorOf, Messages, textOf, wordsOf } from './resp.ts';

export interface Service {
  /** The text of the error with which it answers a command by itself. `words`: the command, its names in capitals. */
  readonly refuses?: (name: string, words: readonly string[]) => string | undefined;
  /** What it makes of an error of the Redis behind it. */
  readonly says?: (error: string) => string;
  /** What it makes of an answer to INFO. */
  readonly tells?: (info: string) => string;
}

export interface RedisProxy {
  readonly url: string;
  readonly port: number;
  /** Leads all its connections to another Redis, without breaking them. Commands under way are answered with an error. */
  failOver(port: number): void;
  stop(): Promise<void>;
}

/** In front of the Redis at a port of this machine. `port`: its own; any that is free if not given. */
export async function startProxy(to: number, service: Service, port = 0): Promise<RedisProxy> {
  const clients = new Set<Client>();
  let behind = to;
  const server = createServer((socket) => {
    const client = new Client(socket, service, behind);
    clients.add(client);
    socket.on('close', () => clients.delete(client));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const own = (server.address() as AddressInfo).port;
  return {
    url: `redis://127.0.0.1:${own}`,
    port: own,
    failOver(next) {
      behind = next;
      for (const client of clients) client.lead(next);
    },
    async stop() {
      for (const client of clients) client.end();
      server.close();
      await once(server, 'close');
    },
  };
}

/** One that waits for its answer: by the Redis behind, or by the proxy itself. */
type Asked = { readonly name: string } | { readonly answer: Buffer };

class Client {
  readonly #near: Socket;
  readonly #service: Service;
  readonly #asked: Asked[] = [];
  #far: Socket;
  /** After SUBSCRIBE the Redis speaks by itself. */
  #listens = false;

  constructor(near: Socket, service: Service, port: number) {
    this.#near = near;
    this.#service = service;
    this.#far = this.#connect(port);
    const commands = new Messages();
    near.on('error', () => {});
    near.on('data', (bytes) => {
      for (const command of commands.of(bytes)) this.#take(command);
    });
    near.on('close', () => this.#far.destroy());
  }

  lead(port: number): void {
    const before = this.#far;
    this.#far = this.#connect(port);
    before.destroy();
    const away = this.#asked.map((asked) => ('answer' in asked ? asked : { answer: errorOf('ERR it is away') }));
    this.#asked.splice(0, this.#asked.length, ...away);
    this.#answer();
  }

  end(): void {
    this.#near.destroy();
  }

  #connect(port: number): Socket {
    const far = connect({ port, host: '127.0.0.1', noDelay: true });
    const answers = new Messages();
    far.on('error', () => {});
    far.on('data', (bytes) => {
      if (this.#far !== far) return;
      for (const answer of answers.of(bytes)) this.#forward(answer);
    });
    far.on('close', () => {
      if (this.#far === far) this.end();
    });
    return far;
  }

  #take(command: Buffer): void {
    const words = wordsOf(command);
    const name = words[0]?.toUpperCase() ?? '';
    const refusal = this.#service.refuses?.(name, words);
    this.#asked.push(refusal === undefined ? { name } : { answer: errorOf(refusal) });
    if (refusal === undefined) this.#far.write(command);
    if (name.endsWith('SUBSCRIBE')) this.#listens = true;
    this.#answer();
  }

  #forward(answer: Buffer): void {
    const next = this.#asked.shift();
    if (next && 'name' in next) this.#near.write(this.#changed(next.name, answer));
    else if (this.#listens) this.#near.write(answer);
    this.#answer();
  }

  #changed(name: string, answer: Buffer): Buffer {
    const { says, tells } = this.#service;
    if (says && answer[0] === '-'.charCodeAt(0)) return errorOf(says(answer.toString('utf8', 1, answer.length - 2)));
    if (tells && name === 'INFO' && answer[0] === '$'.charCodeAt(0)) return bulkOf(tells(textOf(answer)));
    return answer;
  }

  /** What it answers by itself comes when all before it has been answered. */
  #answer(): void {
    for (let next = this.#asked[0]; next && 'answer' in next; next = this.#asked[0]) {
      this.#near.write(next.answer);
      this.#asked.shift();
    }
  }
}
