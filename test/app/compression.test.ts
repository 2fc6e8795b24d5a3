import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';

const ORIGIN = 'https://status.example.com';
const PODS = 1000;

interface Raw {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As it came, not decompressed. */
  readonly body: Buffer;
}

let gate: TestApp;
beforeAll(async () => {
  const pods = Array.from({ length: PODS }, (_, index) => `chat-${index}: {connections: 5}`);
  gate = await startTestApp({ WSGATE_LIMITS_PODS: `{${pods.join()}}`, WSGATE_HTTP_ORIGINS: ORIGIN });
});
afterAll(() => gate.stop());

/** Not by fetch, which decompresses by itself. */
function ask(path: string, headers: Record<string, string>, method = 'GET'): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const asking = request(gate.app.http + path, { method, headers }, async (answer) => {
      const body = Buffer.concat(await answer.toArray());
      resolve({ status: answer.statusCode, headers: answer.headers, body });
    });
    asking.on('error', reject).end();
  });
}

/** The metrics of one scrape differ from those of the next. */
const lines = (text: Buffer) =>
  text
    .toString()
    .replace(/ \S+$/gm, '')
    .replace(/"time":"[^"]*"/, '');

describe.each(['/metrics', '/websocket/metrics', '/v1/pods'])('%s', (path) => {
  it.each([
    ['gzip', 'gzip', gunzipSync],
    ['br', 'br', brotliDecompressSync],
    ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
    ['br;q=0.5, gzip', 'gzip', gunzipSync],
    ['br;q=0, gzip;q=0.1', 'gzip', gunzipSync],
  ])('is compressed for a client that accepts %j: %s', async (accepted, encoding, decompress) => {
    const plain = await ask(path, {});
    const answer = await ask(path, { 'accept-encoding': accepted });
    expect(answer.headers['content-encoding']).toBe(encoding);
    expect(answer.headers.vary).toContain('accept-encoding');
    expect(answer.body.length).toBeLessThan(plain.body.length);
    expect(lines(decompress(answer.body))).toBe(lines(plain.body));
  });

  it.each(['', 'identity', 'gzip;q=0', 'deflate'])('comes as it is to a client that accepts %j', async (accepted) => {
    const answer = await ask(path, accepted === '' ? {} : { 'accept-encoding': accepted });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.headers.vary).toContain('accept-encoding');
  });
});

it('the page and its files are compressed', async () => {
  const page = (await ask('/', {})).body.toString();
  const files = [...page.matchAll(/(?:src|href)="\.(\/assets\/[^"]+\.(?:js|css))"/g)].map(([, path = '']) => path);
  expect(files).toHaveLength(2);
  for (const file of files) {
    const answer = await ask(file, { 'accept-encoding': 'br' });
    expect(answer.headers['content-encoding']).toBe('br');
    expect(brotliDecompressSync(answer.body)).toEqual((await ask(file, {})).body);
  }
});

it('an answer of less than 1 KiB is not compressed', async () => {
  for (const path of ['/healthz', '/v1/pods/chat-1', '/nope']) {
    const answer = await ask(path, { 'accept-encoding': 'gzip, br' });
    expect(answer.body.length).toBeLessThan(1024);
    expect(answer.headers['content-encoding'], path).toBeUndefined();
    expect(JSON.parse(answer.body.toString())).toBeTypeOf('object');
  }
});

it('HEAD has no body, in no encoding', async () => {
  const answer = await ask('/websocket/metrics', { 'accept-encoding': 'gzip' }, 'HEAD');
  expect(answer.status).toBe(200);
  expect(answer.headers['content-encoding']).toBeUndefined();
  expect(answer.body.length).toBe(0);
});

it('what a page of another origin is answered varies by its origin, too', async () => {
  const answer = await ask('/v1/pods', { 'accept-encoding': 'gzip', origin: ORIGIN });
  expect(answer.headers['access-control-allow-origin']).toBe(ORIGIN);
  expect(answer.headers.vary).toBe('origin, accept-encoding');
  expect((await ask('/v1/pods', {})).headers.vary).toBe('origin, accept-encoding');
});

it('a compressed request is not decompressed', async () => {
  const answer = await gate.post('/v1/events', { 'content-type': 'application/json', 'content-encoding': 'gzip' });
  expect(answer.status).toBe(400);
});
