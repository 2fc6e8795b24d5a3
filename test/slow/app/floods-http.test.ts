/** Somebody floods the HTTP side of a whole gate: there is room and time for so much, and others are served. */

import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HubClient } from '../../hub/client.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { ANOTHER, type Conversation, connectMany, openOf, portOf, STRANGER, say } from '../../support/flood.ts';

let gate: TestApp;
const floods: Socket[] = [];
afterEach(async () => {
  for (const socket of floods.splice(0)) socket.destroy();
  await gate.stop();
});

const tell = (text: string): Conversation => {
  const conversation = say(text, portOf(gate.app.http));
  floods.push(conversation.socket);
  return conversation;
};

async function flood(count: number, from?: string): Promise<Socket[]> {
  const sockets = await connectMany(count, portOf(gate.app.http), from);
  floods.push(...sockets);
  return sockets;
}

/** Status, type and body of the one answer that came. */
function read(answer: string) {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const status = Number(/^HTTP\/1\.1 (\d+) /.exec(head)?.[1]);
  return { status, type: /^content-type: (.*)$/im.exec(head)?.[1], body: JSON.parse(body) };
}

const problem = (status: number, detail: unknown) => ({
  status,
  type: expect.stringContaining('application/problem+json'),
  body: { type: 'about:blank', title: expect.any(String), status, detail },
});

async function healthy(): Promise<number> {
  const response = await gate.get('/healthz');
  await response.text(); // or the next one takes a connection of its own
  return response.status;
}

/** What a stranger is answered who asks how the gate is. */
const strangersAnswer = () => tell('GET /healthz HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n\r\n').answer;

describe('connections', () => {
  const env = { WSGATE_HTTP_CONNECTIONS_MAX: '100', WSGATE_HTTP_CONNECTIONS_PER_ADDRESS_MAX: '60' };

  it('from one address are so many; those beyond are closed, and the ones of others are not', async () => {
    gate = await startTestApp(env);
    expect(await healthy()).toBe(200);
    const stranger = await flood(500);
    await expect.poll(() => openOf(stranger)).toBe(60);
    expect(await healthy()).toBe(200);
    expect(await gate.reached('http.connectionsPerAddressMax')).toBe(440);
    for (const socket of stranger) socket.destroy();
    await expect.poll(strangersAnswer).toContain('200 OK');
  });

  it('are so many in all', async () => {
    gate = await startTestApp(env);
    const sockets = [...(await flood(60)), ...(await flood(60, ANOTHER))];
    await expect.poll(() => openOf(sockets)).toBe(100);
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => healthy().catch(() => 0)).toBe(200);
    expect(await gate.reached('http.connectionsMax')).toBeGreaterThanOrEqual(20);
  });

  it('that have become WebSockets are the hub’s to count', async () => {
    gate = await startTestApp({ ...env, WSGATE_HTTP_CONNECTIONS_PER_ADDRESS_MAX: '2' });
    const options = { localAddress: STRANGER };
    const clients = [];
    for (let i = 0; i < 5; i += 1) clients.push(await HubClient.connect(gate.app.http, '/ws', options));
    await expect.poll(strangersAnswer).toContain('200 OK');
    for (const { socket } of clients) socket.terminate();
  });
});

describe('a request that takes too long to arrive is answered with 408 and closed', () => {
  const env = { WSGATE_HTTP_REQUEST_TIMEOUT: '700ms' };
  const late = problem(408, 'the request took longer to arrive than http.requestTimeout');

  it('when its headers come a byte at a time', async () => {
    gate = await startTestApp(env);
    const loris = Array.from({ length: 50 }, () => tell('GET /healthz HTTP/1.1\r\nhost: gate\r\nx: '));
    const dripping = setInterval(() => {
      for (const { socket } of loris) if (socket.writable) socket.write('x');
    }, 50);
    expect(await healthy()).toBe(200);
    const answers = await Promise.all(loris.map(({ answer }) => answer));
    clearInterval(dripping);
    for (const answer of answers) expect(read(answer)).toEqual(late);
    expect(await gate.reached('http.requestTimeout')).toBe(50);
    expect(await healthy()).toBe(200);
  });

  it('when its body never ends', async () => {
    gate = await startTestApp(env);
    const head = 'POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n';
    const { socket, answer } = tell(`${head}transfer-encoding: chunked\r\n\r\n`);
    const dripping = setInterval(() => socket.writable && socket.write('1\r\n[\r\n'), 50);
    expect(await healthy()).toBe(200);
    expect(read(await answer)).toEqual(late);
    clearInterval(dripping);
  });

  it('when nothing of it comes; browsers open such connections, so it is no bound that was reached', async () => {
    gate = await startTestApp(env);
    expect(read(await tell('').answer)).toEqual(late);
    expect(await gate.reached('http.requestTimeout')).toBe(0);
  });
});

describe('a request that is too big is refused', () => {
  it.each([
    ['headers', `GET /healthz HTTP/1.1\r\nhost: gate\r\nx: ${'x'.repeat(5000)}\r\n\r\n`],
    ['headers in all', `GET /healthz HTTP/1.1\r\nhost: gate\r\n${'x: yyyyyyyy\r\n'.repeat(500)}\r\n`],
    ['a path', `GET /${'x'.repeat(5000)} HTTP/1.1\r\nhost: gate\r\n\r\n`],
  ])('with 431 when it has so long %s', async (_what, text) => {
    gate = await startTestApp({ WSGATE_HTTP_HEADER_BYTES_MAX: '4KiB' });
    expect(read(await tell(text).answer)).toEqual(
      problem(431, 'the path and the headers are longer than http.headerBytesMax'),
    );
    expect(await gate.reached('http.headerBytesMax')).toBe(1);
    expect(await healthy()).toBe(200);
  });

  it.each([
    ['says', 'content-length: 1000000\r\n\r\n'],
    ['does not say', `transfer-encoding: chunked\r\n\r\n1800\r\n${' '.repeat(6144)}\r\n`],
  ])('with 413 when its body is too long and it %s so', async (_what, rest) => {
    gate = await startTestApp({ WSGATE_HTTP_BODY_BYTES_MAX: '4KiB' });
    const head = 'POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n';
    const { socket, answer } = tell(`${head}connection: close\r\n${rest}`);
    const [first] = await Promise.all([answer, expect.poll(() => gate.reached('http.bodyBytesMax')).toBe(1)]);
    expect(read(first)).toEqual(problem(413, 'the body is longer than http.bodyBytesMax'));
    expect(socket.closed).toBe(true);
    expect(await healthy()).toBe(200);
  });

  it('with 401, and not read, when its body is too long and nobody with a token sent it', async () => {
    gate = await startTestApp({ WSGATE_HTTP_BODY_BYTES_MAX: '4KiB', WSGATE_HTTP_TOKENS: 'x'.repeat(16) });
    const head = 'POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n';
    const { answer } = tell(`${head}connection: close\r\ncontent-length: 1000000\r\n\r\n`);
    expect(read(await answer)).toEqual(problem(401, expect.stringContaining('bearer token')));
    expect(await gate.reached('http.bodyBytesMax')).toBe(0);
  });

  it('with 400 when it is no HTTP at all', async () => {
    gate = await startTestApp();
    expect(read(await tell('\x16\x03\x01 hello\r\n\r\n').answer)).toEqual(problem(400, 'this is no HTTP request'));
  });
});

describe('a client that does not read its answers', () => {
  const ask = 'GET /metrics HTTP/1.1\r\nhost: gate\r\n';

  it('is cut off, and holds up nobody', async () => {
    gate = await startTestApp({ WSGATE_HTTP_REQUEST_TIMEOUT: '1500ms', WSGATE_HTTP_CONNECTIONS_PER_ADDRESS_MAX: '1' });
    const { socket } = tell(`${ask}\r\n`.repeat(5000));
    socket.pause();
    expect(await healthy()).toBe(200);
    const another = () => say(`${ask}connection: close\r\n\r\n`, portOf(gate.app.http)).answer;
    expect(await another()).toBe('');
    await expect.poll(another).toContain('wsgate_bound_reached_total');
  });
});
