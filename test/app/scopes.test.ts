import fastify from 'fastify';
import { expect, it } from 'vitest';
import { Access } from '../../src/access.ts';
import { checkScopes, needs } from '../../src/http/scopes.ts';

const TOKEN = { secret: 'correct-horse-battery', scope: 'all' } as const;

it('a server with a route that names no scope does not start', () => {
  const app = fastify();
  checkScopes(app, new Access([TOKEN], []));
  expect(() => app.get('/forgotten', async () => 'secret')).toThrow('GET /forgotten names no scope');
});

it('a route is answered to a token with its scope, and one without a scope to everybody', async () => {
  const app = fastify();
  checkScopes(app, new Access([TOKEN], []));
  app.get('/guarded', needs('all'), async () => 'here');
  app.get('/open', needs('none'), async () => 'here');
  const status = async (url: string, headers = {}) => (await app.inject({ url, headers })).statusCode;
  expect(await status('/guarded')).toBe(401);
  expect(await status('/guarded', { authorization: `Bearer ${TOKEN.secret}` })).toBe(200);
  expect([await status('/open'), await status('/nowhere')]).toEqual([200, 404]);
  await app.close();
});
