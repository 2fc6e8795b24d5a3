/** `GET /v1/gates`: which gates the fleet has. */

import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { startRedis } from '../../lab/redis/server.ts';
import { openStore } from '../../lab/redis/store.ts';
import { value } from '../contract/lease-store.ts';
import { startTestApp } from '../support/app.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const RUNNING = {
  version,
  node: process.versions.node,
  started_at: expect.stringMatching(ISO),
  silent: false,
  last_seen: expect.stringMatching(ISO),
};

it('with an embedded store it tells this gate', async () => {
  const startedMs = Date.now();
  const gate = await startTestApp();
  onTestFinished(() => gate.stop());
  await expect.poll(async () => (await gate.api.gates()).gates).toEqual([{ name: expect.any(String), ...RUNNING }]);
  const { time, gates } = await gate.api.gates();
  expect(Date.parse(gates[0]?.started_at ?? '')).toBeGreaterThanOrEqual(startedMs);
  expect(Date.parse(gates[0]?.started_at ?? '')).toBeLessThanOrEqual(Date.now());
  expect(time).toMatch(ISO);
});

it('any gate tells all that share its Redis, until they stop', { timeout: 30_000 }, async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const [one, other] = [await startTestApp({ REDIS_URL: redis.url }), await startTestApp({ REDIS_URL: redis.url })];
  onTestFinished(() => one.stop());
  await expect
    .poll(async () => (await one.api.gates()).gates)
    .toEqual(Array(2).fill({ name: expect.any(String), ...RUNNING }));
  const { gates } = await other.api.gates();
  expect(gates.map(({ name }) => name)).toEqual(gates.map(({ name }) => name).sort());
  await other.stop();
  await expect.poll(async () => (await one.api.gates()).gates).toHaveLength(1);
  expect(await redis.client.hlen('{ws:gates}:about')).toBe(1);
});

it('a gate whose heartbeat has stopped is silent; of an older one no version is known', {
  timeout: 30_000,
}, async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const gate = await startTestApp({ REDIS_URL: redis.url });
  onTestFinished(() => gate.stop());
  const store = await openStore(redis.url);
  onTestFinished(() => store.close());
  await value(
    store.heartbeat({ gate: 'an-older-one', proxies: [], pods: [], gateSilentMs: 5000, proxySilentMs: 5000 }),
  );
  const older = async () => (await gate.api.gates()).gates.find(({ name }) => name === 'an-older-one');
  const unknown = { name: 'an-older-one', version: null, node: null, started_at: null };
  expect(await older()).toMatchObject({ ...unknown, silent: false });
  await expect.poll(older, { timeout: 15_000 }).toMatchObject({ ...unknown, silent: true });
});

it('needs a token where there are any, and takes no query', async () => {
  const token = 'correct-horse-battery';
  const gate = await startTestApp({ WSGATE_HTTP_TOKENS: token });
  onTestFinished(() => gate.stop());
  const authorization = `Bearer ${token}`;
  expect((await gate.get('/v1/gates')).status).toBe(401);
  expect((await gate.get('/v1/gates', { authorization })).status).toBe(200);
  const wrong = await gate.get('/v1/gates?silent=true', { authorization });
  expect([wrong.status, await wrong.json()]).toMatchObject([
    400,
    { detail: '"silent" is no key of this query: expected none' },
  ]);
});

it('says so when the store does not answer', async () => {
  const redis = await startRedis();
  const gate = await startTestApp({ REDIS_URL: redis.url });
  onTestFinished(() => gate.stop());
  await redis.stop();
  await expect.poll(async () => (await gate.get('/v1/gates')).status).toBe(503);
});
