/** Tokens, the store's password and keys are secret: whatever goes wrong, nobody is told them. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createAuthority, hasOpenssl } from '../../lab/fleet/certificates.ts';
import { lendFolder } from '../../lab/fleet/folder.ts';
import { checkOf, newStream } from '../../lab/fleet/messages.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

const TOKEN = 'token-hunter2-hunter2';
const PASSWORD = 'hunter2';

let gate: TestApp | undefined;
let redis: RedisServer | undefined;
afterEach(async () => {
  await gate?.stop();
  await redis?.stop();
  gate = undefined;
  redis = undefined;
});

/** All that the gate says to people, of itself and in the answers to those who have no token. */
async function said(app: TestApp): Promise<string> {
  const paths = ['/readyz', '/metrics', '/websocket/metrics', '/v1/pods', '/nothing', '/v1/pods/%zz'];
  const answers = paths.map(async (path) => (await app.get(path)).text());
  return [...(await Promise.all(answers)), JSON.stringify(app.logLines)].join('\n');
}

it.each([
  ['is wrong', PASSWORD, 'WRONGPASS'],
  ['is right', 'the right one', undefined],
])("the store's password, when it %s, and a token", async (_what, password, complaint) => {
  redis = await startRedis({ args: ['--requirepass', 'the right one'] });
  const url = `redis://default:${encodeURIComponent(password)}@127.0.0.1:${redis.port}`;
  gate = await startTestApp({ WSGATE_STORE_URL: url, WSGATE_HTTP_TOKENS: TOKEN });
  const readyz = async () => (await gate?.get('/readyz'))?.text();
  await expect.poll(readyz).toContain(complaint ?? '"ready":true');
  await gate.check(checkOf(newStream(), 'pod1'));
  await gate.get('/v1/pods', { authorization: `Bearer ${TOKEN}` });
  await gate.post('/v1/pods/x/connections/y/release', { authorization: `Bearer ${TOKEN}` });
  await gate.get('/nothing', { authorization: `Basic ${TOKEN}` });
  redis.signal('SIGKILL');
  await expect.poll(readyz).toContain('the store does not answer: ');
  const text = await said(gate);
  expect(text).toContain('the store does not answer');
  for (const secret of [PASSWORD, TOKEN, 'the right one', 'the%20right%20one']) expect(text).not.toContain(secret);
});

describe.skipIf(!hasOpenssl)('a private key', () => {
  it('that cannot be used is not told, nor one that changes', async () => {
    const { cert, key } = await (await createAuthority()).issue('gate');
    const folder = lendFolder('secrets');
    const file = join(folder.path, 'tls.key');
    const text = readFileSync(key, 'utf8');
    const lines = text.split('\n').filter((line) => /^[\w+/=]{8,}$/.test(line));
    expect(lines).not.toEqual([]);
    const env = { WSGATE_LISTEN_TLS_CERT: cert, WSGATE_LISTEN_TLS_KEY: file, WSGATE_LISTEN_GRPC: 'localhost:0' };
    const broken = text.replace(/[a-z]/, '?');
    writeFileSync(file, broken);
    const told = await startTestApp(env).then(String, String);
    expect(told).toContain('listen.tls.key');
    writeFileSync(file, text);
    gate = await startTestApp(env);
    writeFileSync(file, broken);
    const { logLines } = gate;
    await expect.poll(() => JSON.stringify(logLines)).toContain('listen.tls.key');
    const all = told + (await said(gate));
    for (const line of lines) expect(all).not.toContain(line.slice(10, 30));
    folder.remove();
  });
});
