import fastify from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { Access } from '../../src/access.ts';
import { checkScopes, needs } from '../../src/http/scopes.ts';
import { HubClient } from '../hub/client.ts';
import { startTestApp } from '../support/app.ts';

const TOKEN = { secret: 'correct-horse-battery', scopes: ['read'] } as const;

it('a server with a route that names no scope does not start', () => {
  const app = fastify();
  checkScopes(app, new Access([TOKEN], []));
  expect(() => app.get('/forgotten', async () => 'secret')).toThrow('GET /forgotten names no scope');
});

it('a route is answered to a token with its scope, and one without a scope to everybody', async () => {
  const app = fastify();
  checkScopes(app, new Access([TOKEN], []));
  app.get('/guarded', needs('read'), async () => 'here');
  app.get('/open', needs('none'), async () => 'here');
  const status = async (url: string, headers = {}) => (await app.inject({ url, headers })).statusCode;
  expect(await status('/guarded')).toBe(401);
  expect(await status('/guarded', { authorization: `Bearer ${TOKEN.secret}` })).toBe(200);
  expect([await status('/open'), await status('/nowhere')]).toEqual([200, 404]);
  await app.close();
});

it('each token may do what its scopes say, and one without scopes everything', async () => {
  const secretOf = (scope: string) => `secret-of-sixteen-${scope}`;
  const scoped = ['read', 'operate', 'publish'].map(
    (scope) => `{name: ${scope}r, token: ${secretOf(scope)}, scopes: [${scope}]}`,
  );
  const gate = await startTestApp({ WSGATE_HTTP_TOKENS: `[${scoped.join(', ')}, ${secretOf('all')}]` });
  onTestFinished(() => gate.stop());
  const event = { specversion: '1.0', id: '1', source: 'test', type: 'com.example.x' };
  const put = (path: string, headers: Record<string, string>) =>
    fetch(gate.app.http + path, { method: 'PUT', headers });
  const asks: Record<string, (headers: Record<string, string>) => Promise<Response>> = {
    'GET /v1/pods': (headers) => gate.get('/v1/pods', headers),
    'GET /v1/events': (headers) => gate.get('/v1/events', headers),
    'POST /v1/tickets': (headers) => gate.post('/v1/tickets', headers),
    release: (headers) => gate.post('/v1/pods/pod1/connections/proxy_a_1-1/release', headers),
    close: (headers) => gate.post('/v1/pods/pod1/connections/proxy_a_1-1/close', headers),
    'PUT /v1/limits': (headers) => put('/v1/limits/pods/pod1', headers),
    cordon: (headers) => put('/v1/pods/pod1/cordon', headers),
    'GET /v1/audit': (headers) => gate.get('/v1/audit', headers),
    'POST /v1/events': (headers) =>
      fetch(new URL('/v1/events', gate.app.http), {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(event),
      }),
  };
  const table: Record<string, number[]> = {};
  for (const [name, ask] of Object.entries(asks)) {
    const answers = ['read', 'operate', 'publish', 'all'].map((scope) =>
      ask({ authorization: `Bearer ${secretOf(scope)}` }),
    );
    table[name] = (await Promise.all(answers)).map(({ status }) => (status === 403 ? 403 : 200));
  }
  expect(table).toEqual({
    'GET /v1/pods': [200, 403, 403, 200],
    'GET /v1/events': [200, 403, 403, 200],
    'POST /v1/tickets': [200, 403, 403, 200],
    release: [403, 200, 403, 200],
    close: [403, 200, 403, 200],
    'PUT /v1/limits': [403, 200, 403, 200],
    cordon: [403, 200, 403, 200],
    'GET /v1/audit': [200, 403, 403, 200],
    'POST /v1/events': [403, 403, 200, 200],
  });
  const refused = await gate.get('/v1/pods', { authorization: `Bearer ${secretOf('operate')}` });
  expect(await refused.json()).toMatchObject({ detail: 'this needs a token with the scope read' });
  await expect(
    HubClient.connect(gate.app.http, '/ws', { headers: { authorization: `Bearer ${secretOf('publish')}` } }),
  ).rejects.toThrow();
  const watcher = await HubClient.connect(gate.app.http, '/ws', {
    headers: { authorization: `Bearer ${secretOf('read')}` },
  });
  await watcher.close();
});
