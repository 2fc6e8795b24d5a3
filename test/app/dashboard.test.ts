import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dashboardRoutes } from '../../src/http/dashboard.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

describe('the dashboard', () => {
  let gate: TestApp;
  beforeAll(async () => {
    gate = await startTestApp({ WSGATE_HTTP_TOKENS: 'a-token-of-thirty-two-characters' });
  });
  afterAll(() => gate.stop());

  it('is served without a token, and what it reads is not', async () => {
    const page = await gate.get('/');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect((await gate.get('/v1/pods')).status).toBe(401);
  });

  it('lets a browser load and run only its own files', async () => {
    const policy = (await gate.get('/')).headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });

  it('is requested anew each time; its files are cached for good, because their names change with them', async () => {
    const page = await gate.get('/');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const files = [...(await page.text()).matchAll(/(?:src|href)="\.(\/assets\/[^"]+)"/g)].map(([, path]) => path);
    expect(files).toHaveLength(3);
    for (const file of files) {
      expect(file).toMatch(/-[\w-]{8}\.(js|css|svg)$/);
      const asset = await gate.get(String(file));
      expect(asset.status).toBe(200);
      expect(asset.headers.get('cache-control')).toContain('immutable');
    }
  });

  it('comes uncompressed to a client that does not accept gzip', async () => {
    const page = await gate.get('/', { 'accept-encoding': 'identity' });
    expect(page.headers.get('content-encoding')).toBeNull();
    expect(await page.text()).toBe(await (await gate.get('/')).text());
  });

  it('serves nothing else of the folder that it is in', async () => {
    for (const path of ['/index.html', '/assets/', '/assets/../../main.js', '/assets/%2e%2e/%2e%2e/package.json']) {
      expect((await gate.get(path)).status).toBe(404);
    }
  });
});

it('a gate without the built files says how to build them', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'wsgate-dashboard-'));
  const app = fastify();
  dashboardRoutes(app, join(empty, 'not-there'));
  const answer = await app.inject('/');
  expect(answer.statusCode).toBe(404);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  expect(answer.json().detail).toContain('npm run build');
  await app.close();
  rmSync(empty, { recursive: true });
});

it('a gate without a hub has no dashboard, and says so', async () => {
  const gate = await startTestApp({ WSGATE_HUB_ENABLED: 'false' });
  const answer = await gate.get('/');
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ detail: expect.stringContaining('hub.enabled') });
  await gate.stop();
});
