/** A gate whose Redis is named by Sentinels: a failover while WebSockets come and go. */

import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { until } from '../../../lab/fleet/processes.ts';
import { startSentinels, type Watched } from '../../../lab/redis/sentinel.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { Churn } from '../../support/churn.ts';

const LIMIT = 30;
const KEY = 'ws:pod_conn:pod1';

let watched: Watched;
let gate: TestApp;
let churn: Churn | undefined;
afterEach(async () => {
  await churn?.stop();
  churn = undefined;
  await gate.stop();
  await watched.stop();
});

async function start(env: Record<string, string> = {}): Promise<void> {
  gate = await startTestApp({
    WSGATE_STORE_URL: watched.url,
    WSGATE_OUTAGE_POLICY: 'deny',
    WSGATE_LIMITS_DEFAULT_CONNECTIONS: String(LIMIT),
    ...env,
  });
}

const ready = () => expect.poll(() => gate.store()).toBe('ok');

it.each(['SIGKILL', 'SIGSTOP'] as const)(
  'is with the new master within two seconds of the word of all Sentinels when the old one gets %s',
  async (signal) => {
    watched = await startSentinels();
    await start();
    await ready();
    const load = new Churn(gate, 'pod1');
    churn = load;
    await expect.poll(() => load.denied).toBeGreaterThan(50);
    watched.master.signal(signal);
    await expect.poll(() => watched.agree(), { interval: 10 }).toBe(true);
    const before = load.admitted;
    await until('the new master is asked', () => load.admitted > before, 2000);
    await expect.poll(() => load.admitted).toBeGreaterThan(before + 50);
    await load.stop();
    await expect.poll(() => watched.replica.client.zcard(KEY)).toBe(load.open.length);
    load.closeAll();
    await expect.poll(() => watched.replica.client.zcard(KEY)).toBe(0);
  },
);

it('is to Sentinels the user of docs/redis.md, which is allowed all that it needs, and says so when it is refused', async () => {
  const docs = readFileSync(new URL('../../../docs/redis.md', import.meta.url), 'utf8');
  const user = /^user wsgate .*$/m.exec(docs)?.[0] ?? '';
  watched = await startSentinels(['requirepass correct-horse', 'sentinel sentinel-pass correct-horse', user]);
  const env = { WSGATE_STORE_SENTINEL_USERNAME: 'wsgate', WSGATE_STORE_SENTINEL_PASSWORD: 'change-me' };
  await start({ ...env, WSGATE_STORE_SENTINEL_PASSWORD: 'wrong' });
  await expect.poll(() => JSON.stringify(gate.logLines)).toMatch(/WRONGPASS/);
  await gate.stop();
  await start(env);
  await ready();
  expect(await watched.denied()).toEqual([]);
});
