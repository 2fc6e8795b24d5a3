/** A gate whose Redis goes away and comes back: what becomes of upgrades, releases and counts. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkOf, entryOf, leaseIn, message, newStream, startTestApp, type TestApp } from '../support/app.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';

let redis: RedisServer;
let gate: TestApp;

beforeEach(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  await gate.stop();
  await redis.stop();
});

async function start(env: Record<string, string> = {}): Promise<void> {
  gate = await startTestApp({ WSGATE_STORE_URL: redis.url, ...env });
  await ready();
}

async function ready(): Promise<void> {
  await expect.poll(async () => (await gate.get('/readyz')).status, { timeout: 3000 }).toBe(200);
}

async function killRedis(): Promise<void> {
  await redis.stop();
  await expect.poll(async () => (await gate.get('/readyz')).status).toBe(503);
}

async function restartRedisEmpty(): Promise<void> {
  redis = await startRedis({ port: redis.port });
  await ready();
}

describe('with outage.policy deny', () => {
  it('a dead Redis means 503 and when to come back, at once; and the gate says that it is not ready', async () => {
    await start();
    await gate.check(checkOf(newStream(), 'pod1')); // and so the test's own connection is there
    await killRedis();
    const startedAt = performance.now();
    expect(await gate.check(checkOf(newStream(), 'pod1'))).toMatchObject({
      deniedResponse: {
        status: { code: 503 },
        headers: [{}, { header: { key: 'retry-after', value: '5' } }],
        body: '{"error":"STORE_UNAVAILABLE","retry_after":5}',
      },
    });
    expect(performance.now() - startedAt).toBeLessThan(100);
    expect(await (await gate.get('/readyz')).json()).toEqual({
      ready: false,
      checks: { store: 'the store does not answer', gate: 'ok' },
    });
    expect((await gate.get('/websocket/metrics')).status).toBe(503);
    expect((await gate.get('/healthz')).status).toBe(200);
  });

  it('a Redis that hangs does not hang a Check, and the slot that it gives late is given back', async () => {
    await start();
    redis.signal('SIGSTOP');
    const startedAt = performance.now();
    expect(await gate.check(checkOf(newStream(), 'pod1'))).toMatchObject({
      deniedResponse: { body: '{"error":"STORE_UNAVAILABLE","retry_after":5}' },
    });
    expect(performance.now() - startedAt).toBeLessThan(1000);
    redis.signal('SIGCONT');
    await ready();
    await expect.poll(() => redis.client.zcard('ws:pod_conn:pod1')).toBe(0);
  });
});

describe('with outage.policy allow', () => {
  it('everybody gets in, and is counted when Redis is back', async () => {
    await start({ WSGATE_OUTAGE_POLICY: 'allow', WSGATE_LIMITS_DEFAULT_CONNECTIONS: '1' });
    await killRedis();
    const log = gate.logStream();
    for (let i = 0; i < 3; i += 1) {
      const stream = newStream();
      const lease = leaseIn(await gate.check(checkOf(stream, 'pod1')));
      log.write(message(entryOf(stream, 'pod1', 'DownstreamTunnelSuccessfullyEstablished', { lease })));
    }
    await restartRedisEmpty();
    await expect.poll(() => gate.connections('pod1'), { timeout: 3000 }).toBe(3);
    expect(await (await gate.get('/metrics')).text()).toContain(
      'wsgate_decisions_total{outcome="admitted",reason="STORE_UNAVAILABLE"} 3',
    );
  });
});

describe('when Redis comes back empty', () => {
  it('all live connections are counted again at once, not an interval later', async () => {
    await start();
    const log = gate.logStream();
    const streams = Array.from({ length: 50 }, newStream);
    for (const stream of streams) {
      const lease = leaseIn(await gate.check(checkOf(stream, 'pod1')));
      log.write(message(entryOf(stream, 'pod1', 'DownstreamTunnelSuccessfullyEstablished', { lease })));
    }
    await expect.poll(async () => (await redis.client.hvals('{ws:pod_conn:pod1}:info')).every(isLive)).toBe(true);
    await killRedis();
    await restartRedisEmpty();
    await expect.poll(() => gate.connections('pod1'), { timeout: 2000 }).toBe(50);
  });

  it('leases that were lost without a break of the connection are found by the next renewal, with all others', async () => {
    await start();
    const log = gate.logStream();
    const streams = Array.from({ length: 20 }, newStream);
    for (const stream of streams) log.write(message(entryOf(stream, 'pod1', 'DownstreamPeriodic')));
    await expect.poll(() => gate.connections('pod1'), { timeout: 3000 }).toBe(20);
    await redis.client.flushall();
    const [first] = streams;
    if (first) log.write(message(entryOf(first, 'pod1', 'DownstreamPeriodic')));
    await expect.poll(() => gate.connections('pod1'), { timeout: 4000 }).toBe(20);
  });
});

it('connections that closed while Redis was away are free when it is back', async () => {
  await start();
  const log = gate.logStream();
  const stream = newStream();
  const lease = leaseIn(await gate.check(checkOf(stream, 'pod1')));
  redis.signal('SIGSTOP');
  log.write(message(entryOf(stream, 'pod1', 'DownstreamEnd', { lease })));
  await expect.poll(async () => (await gate.get('/readyz')).status).toBe(503);
  redis.signal('SIGCONT');
  await ready();
  await expect.poll(() => gate.connections('pod1')).toBe(0);
});

it('no more releases wait than are configured, and what is given up is counted', async () => {
  await start({ WSGATE_LEDGER_RELEASES_MAX: '2' });
  await killRedis();
  const log = gate.logStream();
  for (let i = 0; i < 5; i += 1) log.write(message(entryOf(newStream(), 'pod1', 'DownstreamEnd')));
  const metrics = async () => (await gate.get('/metrics')).text();
  await expect.poll(metrics).toContain('wsgate_releases_dropped_total 3');
  expect(await metrics()).toContain('wsgate_releases_waiting 2');
  await restartRedisEmpty();
  await expect.poll(metrics).toContain('wsgate_releases_waiting 0');
});

function isLive(info: string): boolean {
  return info.includes('"live"');
}
