/**
 * A sample pod: a WebSocket server that echoes, and answers plain HTTP with a line of text. A request's query makes it
 * misbehave: `?refuse=403` answers the upgrade with that status, `?delay=MS` answers it late, `?close=MS` closes the
 * WebSocket after a while. `?die=MS` on plain HTTP cuts all WebSockets off, and nothing listens for so long.
 */

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

export interface PodOptions {
  readonly name: string;
  /** 0, the default, for any free one. */
  readonly port?: number;
  /** 127.0.0.1 if not given. */
  readonly host?: string;
}

export interface Pod {
  readonly name: string;
  readonly port: number;
  /** The open WebSockets. */
  readonly connections: number;
  /** What their upgrades carried. */
  upgrades(): IncomingHttpHeaders[];
  /** Closes every WebSocket, and goes on. */
  closeAll(): void;
  /** Cuts every WebSocket off, and ends. */
  stop(): Promise<void>;
}

export async function startPod({ name, port = 0, host = '127.0.0.1' }: PodOptions): Promise<Pod> {
  const open = new Map<WebSocket, IncomingHttpHeaders>();
  const sockets = new WebSocketServer({ noServer: true });
  const http = createServer((request, response) => {
    response.end(`${name}: ${request.method} ${request.url}\n`);
    const { die } = switches(request);
    if (die !== undefined) response.on('close', () => void pauseFor(die));
  });
  const cutOff = async () => {
    const closed = once(http, 'close');
    http.close();
    http.closeAllConnections();
    for (const webSocket of open.keys()) webSocket.terminate();
    await closed;
  };
  let reviving: NodeJS.Timeout | undefined;
  const pauseFor = async (ms: number) => {
    const { port: before } = addressOf(http);
    await cutOff();
    reviving = setTimeout(() => http.listen(before, host), ms);
  };
  const accept = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      open.set(webSocket, request.headers);
      webSocket.on('close', () => open.delete(webSocket));
      serve(webSocket, switches(request));
    });
  };
  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {}); // a client that is gone before its answer
    const { refuse, delay } = switches(request);
    if (refuse !== undefined)
      socket.end(`HTTP/1.1 ${refuse} Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    else if (delay !== undefined) later(delay, socket, () => accept(request, socket, head));
    else accept(request, socket, head);
  });
  http.listen(port, host);
  await once(http, 'listening');
  return {
    name,
    port: addressOf(http).port,
    get connections() {
      return open.size;
    },
    upgrades: () => [...open.values()],
    closeAll() {
      for (const webSocket of open.keys()) webSocket.close();
    },
    async stop() {
      clearTimeout(reviving);
      if (http.listening) await cutOff();
    },
  };
}

function serve(webSocket: WebSocket, { close }: Switches): void {
  webSocket.on('error', () => {}); // 'close' follows, and is what counts
  webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }));
  if (close === undefined) return;
  const timer = setTimeout(() => webSocket.close(), close);
  webSocket.on('close', () => clearTimeout(timer));
}

type Switches = Partial<Record<'refuse' | 'delay' | 'close' | 'die', number>>;

function switches(request: IncomingMessage): Switches {
  const query = new URL(request.url ?? '/', 'http://pod').searchParams;
  const found: Switches = {};
  for (const name of ['refuse', 'delay', 'close', 'die'] as const) {
    const value = query.get(name);
    if (value !== null) found[name] = Number(value);
  }
  return found;
}

function later(delayMs: number, socket: Duplex, act: () => void): void {
  const timer = setTimeout(act, delayMs);
  socket.on('close', () => clearTimeout(timer));
}

function addressOf(server: Server): { readonly port: number } {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a pod listens on a port');
  return address;
}
