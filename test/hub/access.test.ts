import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../lab/fleet/processes.ts';
import { startRedis } from '../../lab/redis/server.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { HubClient } from './client.ts';

const TOKEN = 'correct-horse-battery';
const OTHER_TOKEN = 'another/token+with=signs';
const PATHS = ['/ws', '/ws/metrics', '/api/monitoring/ws'];

let gate: TestApp;
const clients: HubClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await gate.stop();
});

type Options = Parameters<typeof HubClient.connect>[2];

/** `open`, or the status and body of the refusal. */
async function attempt(path: string, options: Options = {}): Promise<string> {
  try {
    const client = await HubClient.connect(gate.app.http, path, options);
    clients.push(client);
    return 'open';
  } catch (error) {
    return String(error);
  }
}

/** Of a request that asks for an upgrade. */
function statusOf(path: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(gate.app.http + path, { headers: { connection: 'Upgrade', ...headers } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.once('error', reject).end();
  });
}

async function ticket(token = TOKEN): Promise<{ ticket: string; expiresMs: number }> {
  const response = await gate.post('/v1/tickets', { authorization: `Bearer ${token}` });
  expect(response.headers.get('cache-control')).toBe('no-store');
  const { ticket, expires } = (await response.json()) as { ticket: string; expires: string };
  return { ticket, expiresMs: Date.parse(expires) };
}

describe.each(PATHS)('with tokens, %s', (path) => {
  it('lets in a client that shows one in the header, as a subprotocol or by a ticket, and nobody else', async () => {
    gate = await startTestApp({ WSGATE_HTTP_TOKENS: `${TOKEN},${OTHER_TOKEN}` });
    expect(await attempt(path)).toContain('401');
    expect(await attempt(path, { headers: { authorization: `Bearer ${TOKEN}x` } })).toContain('401');
    expect(await attempt(path, { headers: { authorization: `Bearer ${TOKEN}` } })).toBe('open');
    const asProtocol = (token: string) => ['wsgate', `bearer.${Buffer.from(token).toString('base64url')}`];
    expect(await attempt(path, { protocols: asProtocol(OTHER_TOKEN) })).toBe('open');
    expect(clients.at(-1)?.socket.protocol).toBe('wsgate');
    expect(await attempt(path, { protocols: asProtocol('wrong') })).toContain('401');
    expect(await attempt(`${path}?ticket=${(await ticket()).ticket}`)).toBe('open');
    expect(await attempt(`${path}?ticket=nonsense`)).toContain('401');
    expect(await attempt(`${path}?token=${TOKEN}`)).toContain('401');
  });
});

describe('a ticket', () => {
  it('is good once, for a short time, unchanged, and only from a known token', async () => {
    gate = await startTestApp({ WSGATE_HTTP_TOKENS: TOKEN, WSGATE_HUB_TICKET: '200ms' });
    const first = await ticket();
    expect(await attempt(`/ws?ticket=${first.ticket}`)).toBe('open');
    expect(await attempt(`/ws?ticket=${first.ticket}`)).toContain('401');
    const late = await ticket();
    await expect.poll(() => Date.now() > late.expiresMs).toBe(true);
    expect(await attempt(`/ws?ticket=${late.ticket}`)).toContain('401');
    const [expires = '', ...rest] = late.ticket.split('.');
    const longer = [(Number.parseInt(expires, 36) + 60_000).toString(36), ...rest].join('.');
    expect(await attempt(`/ws?ticket=${longer}`)).toContain('401');
    expect((await gate.post('/v1/tickets', { authorization: 'Bearer nobody-knows-this' })).status).toBe(401);
  });

  it('is not needed without tokens', async () => {
    gate = await startTestApp();
    expect((await gate.post('/v1/tickets')).status).toBe(409);
    expect(await attempt('/ws')).toBe('open');
  });
});

describe('a web page', () => {
  it('of this gate or of an allowed origin may connect, another may not', async () => {
    gate = await startTestApp({ WSGATE_HTTP_ORIGINS: 'https://status.example' });
    const { host } = new URL(gate.app.http);
    for (const origin of [`http://${host}`, `https://${host}`, 'https://status.example']) {
      expect(await attempt('/ws', { origin }), origin).toBe('open');
    }
    for (const origin of ['https://evil.example', 'null', 'http://status.example']) {
      expect(await attempt('/ws', { origin }), origin).toContain('403');
    }
  });

  it('of an allowed origin may use the API, and another may not', async () => {
    gate = await startTestApp({ WSGATE_HTTP_ORIGINS: 'https://status.example', WSGATE_HTTP_TOKENS: TOKEN });
    const ask = (origin: string, method: string, headers: Record<string, string> = {}) =>
      fetch(`${gate.app.http}/v1/pods`, { method, headers: { origin, ...headers } });
    const preflight = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' };
    const allowed = await ask('https://status.example', 'OPTIONS', preflight);
    expect(allowed.status).toBe(204);
    expect(Object.fromEntries(allowed.headers)).toMatchObject({
      'access-control-allow-origin': 'https://status.example',
      'access-control-allow-headers': 'authorization, content-type',
      'access-control-allow-methods': 'GET, POST, PUT, DELETE',
      vary: 'origin',
    });
    const answer = await ask('https://status.example', 'GET', { authorization: `Bearer ${TOKEN}` });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://status.example');
    expect((await ask('https://evil.example', 'OPTIONS', preflight)).headers.has('access-control-allow-origin')).toBe(
      false,
    );
  });
});

describe('the quota', () => {
  it('bounds the number of clients', async () => {
    gate = await startTestApp({ WSGATE_HUB_CLIENTS_MAX: '2' });
    expect(await attempt('/ws')).toBe('open');
    expect(await attempt('/ws/metrics')).toBe('open');
    expect(await attempt('/ws')).toContain('503');
    await clients.pop()?.close();
    await expect.poll(() => attempt('/ws')).toBe('open');
  });

  it('bounds the number of clients, also when they all come at once with tickets', async () => {
    const redis = await startRedis();
    try {
      gate = await startTestApp({ WSGATE_HUB_CLIENTS_MAX: '2', WSGATE_HTTP_TOKENS: TOKEN, REDIS_URL: redis.url });
      await until('the hub is whole', async () =>
        (await (await gate.get('/metrics')).text()).includes('\nwebsocket_hub_degraded 0\n'),
      );
      const shown = await Promise.all(Array.from({ length: 12 }, () => ticket()));
      const answers = await Promise.all(shown.map(({ ticket }) => attempt(`/ws?ticket=${ticket}`)));
      expect(answers.filter((answer) => answer === 'open')).toHaveLength(2);
      expect(answers.filter((answer) => answer.includes('503'))).toHaveLength(10);
      // Those that found no room can be shown again.
      const refused = shown.filter((_, i) => answers[i] !== 'open');
      for (const { ticket } of refused.slice(0, 3)) {
        await clients.shift()?.close();
        await until('there is room', async () =>
          (await (await gate.get('/metrics')).text()).includes('websocket_hub_clients{feed="events"} 1'),
        );
        expect(await attempt(`/ws?ticket=${ticket}`)).toBe('open');
      }
    } finally {
      await redis.stop();
    }
  });

  it('does not count clients that are refused', async () => {
    gate = await startTestApp({ WSGATE_HUB_CLIENTS_MAX: '1', WSGATE_HTTP_TOKENS: TOKEN });
    const authorized = { headers: { authorization: `Bearer ${TOKEN}` } };
    const { ticket: used } = await ticket();
    expect(await attempt(`/ws?ticket=${used}`)).toBe('open');
    await clients.pop()?.close();
    await expect.poll(() => attempt('/ws', authorized)).toBe('open');
    await clients.pop()?.close();
    const bad = [`/ws?ticket=${used}`, `/ws?ticket=${used.slice(0, -2)}xx`, '/ws'];
    await expect.poll(() => attempt(`/ws?ticket=${used}`)).toContain('401');
    for (const path of bad) expect(await attempt(path)).toContain('401');
    expect(await attempt('/ws', authorized)).toBe('open');
  });

  it('bounds the number of clients from one address', async () => {
    gate = await startTestApp({ WSGATE_HUB_CLIENTS_PER_ADDRESS_MAX: '1' });
    expect(await attempt('/ws')).toBe('open');
    expect(await attempt('/ws')).toContain('429');
    expect(await attempt('/ws', { localAddress: '127.0.0.2' })).toBe('open');
    expect(await (await gate.get('/metrics')).text()).toContain('websocket_hub_refused_total{reason="address"} 1');
  });

  it('bounds the messages a second', async () => {
    gate = await startTestApp({ WSGATE_HUB_MESSAGES_PER_SECOND_MAX: '3' });
    expect(await attempt('/ws')).toBe('open');
    for (let i = 0; i < 20; i += 1) clients[0]?.send({ type: 'ping' });
    expect(await clients[0]?.closed()).toEqual({ code: 4003, reason: 'too many messages' });
  });
});

describe('a request that is no WebSocket', () => {
  it.each(PATHS)('%s is answered with the upgrade that it needs', async (path) => {
    gate = await startTestApp();
    const response = await gate.get(path);
    expect([response.status, response.headers.get('upgrade')]).toEqual([426, 'websocket']);
  });

  it('to another path finds nothing, another upgrade is ignored, and a broken handshake is refused', async () => {
    gate = await startTestApp();
    expect(await attempt('/nowhere')).toContain('404');
    expect(await statusOf('/healthz', { upgrade: 'h2c' })).toBe(200);
    expect(await statusOf('/ws', { upgrade: 'websocket', 'sec-websocket-version': '99' })).toBe(400);
  });

  it('whose client leaves during the handshake takes no place', async () => {
    gate = await startTestApp({ WSGATE_HUB_CLIENTS_MAX: '1', WSGATE_HTTP_TOKENS: TOKEN });
    const { ticket: shown } = await ticket();
    const { port } = new URL(gate.app.http);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(`GET /ws?ticket=${shown} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n`);
    socket.write('sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n', () =>
      socket.destroy(),
    );
    await expect.poll(() => attempt('/ws', { headers: { authorization: `Bearer ${TOKEN}` } })).toBe('open');
  });

  it('is answered with 404 when the hub is turned off', async () => {
    gate = await startTestApp({ WSGATE_HUB_ENABLED: 'false' });
    expect(await attempt('/ws')).toContain('404');
    expect((await gate.post('/v1/events')).status).toBe(404);
    expect(await (await gate.get('/metrics')).text()).not.toContain('websocket_hub');
  });
});

it('no token and no ticket stands in the log', async () => {
  gate = await startTestApp({ WSGATE_HTTP_TOKENS: TOKEN });
  const { ticket: shown } = await ticket();
  await attempt(`/ws?ticket=${shown}`);
  await attempt(`/ws?token=${TOKEN}`);
  await attempt(`/nowhere?ticket=${shown}`);
  expect(JSON.stringify(gate.logLines)).not.toMatch(new RegExp(`${TOKEN}|${shown}`));
});
