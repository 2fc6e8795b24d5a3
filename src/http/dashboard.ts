/**
 * `/`: the dashboard, as `npm run build` leaves it in `dist/dashboard`. The page holds no data, so it needs no token;
 * what it reads does. The files are few and small, and kept in memory: no request can name another one.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { sendProblem } from './problem.ts';

/** The same place from `src/http` and from `dist/http`. */
const BUILT = new URL('../../dist/dashboard/', import.meta.url);

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Nothing from elsewhere, nothing inline, in nobody's frame. WebSockets to this origin are `self`, too. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  vary: 'accept-encoding',
};

/** What stands in `assets/` has a hash of its content in its name. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

export function dashboardRoutes(app: FastifyInstance): void {
  const files = builtFiles();
  if (!files.includes('index.html')) {
    app.get('/', (_request, reply) => sendProblem(reply, 404, 'the dashboard is not built here: npm run build'));
    return;
  }
  for (const file of files) {
    const isPage = file === 'index.html';
    const plain = readFileSync(new URL(file, BUILT));
    const zipped = gzipSync(plain);
    const headers = {
      ...HEADERS,
      'content-type': CONTENT_TYPES[extname(file)] ?? 'application/octet-stream',
      'cache-control': isPage ? 'no-cache' : IMMUTABLE,
    };
    app.get(isPage ? '/' : `/${file}`, (request, reply) => {
      reply.headers(headers);
      if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(plain);
      return reply.header('content-encoding', 'gzip').send(zipped);
    });
  }
}

/** Their paths below `dist/dashboard`, none when it is not built. */
function builtFiles(): string[] {
  try {
    const entries = readdirSync(BUILT, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => `${parentPath.slice(BUILT.pathname.length)}/${name}`.replace(/^\/+/, ''));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
