/**
 * Compresses answers (gzip, Brotli) for clients that accept it. Answers that are small or compressed already stay as
 * they are; WebSockets never come here.
 *
 * Fast levels: 1,000 pods are 100 KB of metrics, which take under half a millisecond and become 15 KB or less. What would
 * keep the event loop longer than a millisecond is compressed on another thread.
 */

import { constants } from 'node:zlib';
import compress from '@fastify/compress';
import type { FastifyInstance } from 'fastify';
import { varyBy } from './vary.ts';

/** Below it, what is saved is less than what the headers take. */
const SMALL_BYTES = 1024;
const ON_THIS_THREAD_BYTES_MAX = 256 * 1024;

/** For the routes that are added to `app` in plugins from now on. */
export function compressAnswers(app: FastifyInstance): void {
  app.addHook('onRequest', async (_request, reply) => varyBy(reply, 'accept-encoding'));
  app.register(compress, {
    encodings: ['br', 'gzip'],
    threshold: SMALL_BYTES,
    syncThreshold: ON_THIS_THREAD_BYTES_MAX,
    zlibOptions: { level: 1 },
    // The window, 64 KiB, is the memory that a client may hold which does not read its answer.
    brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: 2, [constants.BROTLI_PARAM_LGWIN]: 16 } },
    // Requests are taken as they are: a small one could become a large one.
    globalDecompression: false,
  });
}
