/**
 * `hub-clients.ts URL COUNT`: clients of `/ws` that have subscribed to `bench.*`. Writes `open` when all have, and for each
 * `bench.end` that all have got, what came before it: `{"received": …, "latenciesMs": […]}`. The latencies are a sample,
 * from the time that the event was posted at.
 */

import { once } from 'node:events';
import { WebSocket } from 'ws';

/** At once: more would only wait in the gate's backlog. */
const CONNECTING_AT_ONCE = 50;
const SAMPLE_EVERY = 7;

const [url = '', count = '0'] = process.argv.slice(2);
const clients = Number(count);

let received = 0;
let ended = 0;
let latenciesMs: number[] = [];

/** The newest message, read once for all clients: what is measured is the gate, and not this process. */
let newest: { data: Buffer; type: string | undefined; sentAtMs: number } = {
  data: Buffer.alloc(0),
  type: undefined,
  sentAtMs: 0,
};

function read(data: Buffer): typeof newest {
  if (!newest.data.equals(data)) {
    const message = JSON.parse(String(data)) as { type: string; event?: { type: string; data: { sent_ms: number } } };
    newest = { data, type: message.event?.type ?? message.type, sentAtMs: message.event?.data.sent_ms ?? 0 };
  }
  return newest;
}

function got({ type, sentAtMs }: typeof newest): void {
  if (type === 'bench.end') end();
  if (type !== 'bench.event') return;
  received += 1;
  if (received % SAMPLE_EVERY === 0) latenciesMs.push(performance.timeOrigin + performance.now() - sentAtMs);
}

function end(): void {
  ended += 1;
  if (ended < clients) return;
  console.log(JSON.stringify({ received, latenciesMs }));
  [received, ended, latenciesMs] = [0, 0, []];
}

async function connect(): Promise<void> {
  const client = new WebSocket(url, { perMessageDeflate: false });
  const subscribed = new Promise<void>((resolve) => {
    client.on('message', (data: Buffer) => {
      const message = read(data);
      if (message.type === 'subscribed') resolve();
      else got(message);
    });
  });
  await once(client, 'open');
  client.send('{"type":"subscribe","subscription_id":"bench","filters":{"types":["bench.*"]}}');
  await subscribed;
}

for (let open = 0; open < clients; open += CONNECTING_AT_ONCE) {
  await Promise.all(Array.from({ length: Math.min(CONNECTING_AT_ONCE, clients - open) }, connect));
}
console.log('open');
