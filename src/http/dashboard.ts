/**
 * `/`: the dashboard, as `npm run build` leaves it in `dist/dashboard`. The page holds no data, so it needs no token;
 * what it reads needs one.
 *
 * By hand, not @fastify/static: the files are few and small, are kept in memory, and each is a route, so no request can
 * name another file.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { sendProblem } from './problem.ts';
import { needs } from './scopes.ts';

/** The same place from `src/http` and from `dist/http`. */
const BUILT = fileURLToPath(new URL('../../dist/dashboard/', import.meta.url));

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The page loads nothing from elsewhere, runs nothing inline, stands in no frame. `self` includes its WebSockets. */
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
};

/** Names in `assets/` hold a hash of the content. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

export function dashboardRoutes(app: FastifyInstance, folder = BUILT): void {
  const files = filesIn(folder);
  if (!files.includes('index.html')) {
    app.get('/', needs('none'), (_request, reply) =>
      sendProblem(reply, 404, 'the dashboard is not built here: npm run build'),
    );
    return;
  }
  for (const file of files) {
    const isPage = file === 'index.html';
    const content = readFileSync(join(folder, file));
    const headers = {
      ...HEADERS,
      'content-type': CONTENT_TYPES[extname(file)] ?? 'application/octet-stream',
      'cache-control': isPage ? 'no-cache' : IMMUTABLE,
    };
    app.get(isPage ? '/' : `/${file}`, needs('none'), (_request, reply) => reply.headers(headers).send(content));
  }
}

/** Their paths below the folder, as in an address; none when there is no folder. */
function filesIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    return files.map(({ parentPath, name }) => relative(folder, join(parentPath, name)).replaceAll(sep, '/'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
