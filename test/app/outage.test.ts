/** A gate whose Redis goes away and comes back: what becomes of upgrades, releases and counts. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { machineNow } from '../../lab/fleet/machine-time.ts';
import { checkOf, entryOf, leaseIn, message, newStream } from '../../lab/fleet/messages.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { HubClient } from '../hub/client.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { connectHealth } from '../support/health.ts';

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

/** The gate has read all counts, after this call: of the passes begun since, the second is over when the third begins. */
async function passOfReaper(): Promise<void> {
  const passes = async () => {
    const text = await (await gate.get('/metrics')).text();
    return Number(/store_duration_seconds_count\{operation="pods",answer="ok"\} (\d+)/.exec(text)?.[1] ?? 0);
  };
  const before = await passes();
  await expect.poll(passes).toBeGreaterThan(before + 2);
}

/** The gate has read the counts of all pods. */
async function countedAll(): Promise<void> {
  const metrics = async () => (await gate.get('/metrics')).text();
  await expect
    .poll(metrics)
    .toMatch(/store_duration_seconds_count\{operation="remove"|operation="expire"|operation="pods"/);
}

async function ready(): Promise<void> {
  await expect.poll(() => gate.store()).toBe('ok');
}

async function killRedis(): Promise<void> {
  await redis.stop();
  await expect.poll(() => gate.store()).toMatch(/^the store does not answer: /);
}

async function restartRedisEmpty(): Promise<void> {
  redis = await startRedis({ port: redis.port });
  await ready();
}

describe('with outage.policy share', () => {
  const shared = { WSGATE_LIMITS_DEFAULT_CONNECTIONS: '10', WSGATE_LEASE_TTL: '10s', WSGATE_LEASE_RESERVE: '10s' };
  const admitted = async (count: number) => {
    const answers = await Promise.all(Array.from({ length: count }, () => gate.check(checkOf(newStream(), 'pod1'))));
    return answers.filter((answer) => 'okResponse' in answer).length;
  };

  it('a gate alone fills what was left, and no more; and counts it when Redis is back', async () => {
    await start(shared);
    expect(await admitted(4)).toBe(4);
    await countedAll();
    await killRedis();
    expect(await admitted(20)).toBe(6);
    await restartRedisEmpty();
    // What no log has spoken of yet: six of them the gate let in alone. The four were the lost Redis's to remember.
    await expect.poll(() => gate.connections('pod1')).toBe(6);
  });

  it('one of three gates fills a third of what was left', async () => {
    await start(shared);
    const now = Date.now();
    await redis.client.zadd('ws:gates', now + 3_600_000, 'other1', now + 3_600_000, 'other2');
    expect(await admitted(1)).toBe(1);
    await expect.poll(() => redis.client.zcard('ws:gates')).toBe(3);
    await passOfReaper();
    await killRedis();
    expect(await admitted(20)).toBe(3);
  });

  it('what its own connections free may be used again, once', async () => {
    await start(shared);
    const log = gate.logStream();
    const stream = newStream();
    const lease = leaseIn(await gate.check(checkOf(stream, 'pod1')));
    log.write(message(entryOf(stream, 'pod1', 'DownstreamTunnelSuccessfullyEstablished', { lease })));
    await expect.poll(async () => (await redis.client.hvals('{ws:pod_conn:pod1}:info')).every(isLive)).toBe(true);
    await killRedis();
    expect(await admitted(20)).toBe(9);
    const end = entryOf(stream, 'pod1', 'DownstreamEnd', { lease });
    log.write(message(end, end));
    await expect.poll(async () => (await gate.get('/metrics')).text()).toContain('wsgate_releases_waiting 1');
    expect(await admitted(20)).toBe(1);
  });

  it('a gate that never read a count admits nobody', async () => {
    await redis.stop();
    gate = await startTestApp({ WSGATE_STORE_URL: redis.url, ...shared });
    expect(await admitted(3)).toBe(0);
  });
});

describe('with outage.policy deny', () => {
  it('a dead Redis means 503 and when to come back, at once; and the gate says so, and goes on being asked', async () => {
    await start({ WSGATE_OUTAGE_POLICY: 'deny' });
    await gate.check(checkOf(newStream(), 'pod1')); // and so the test's own connection is there
    await killRedis();
    const startedAt = machineNow();
    expect(await gate.check(checkOf(newStream(), 'pod1'))).toMatchObject({
      deniedResponse: {
        status: { code: 503 },
        headers: [{}, { header: { key: 'retry-after', value: '5' } }],
        body: '{"error":"STORE_UNAVAILABLE","retry_after":5}',
      },
    });
    expect(machineNow() - startedAt).toBeLessThan(100);
    const readiness = await gate.get('/readyz');
    expect(readiness.status).toBe(200);
    expect(await readiness.json()).toEqual({
      ready: true,
      checks: {
        store: expect.stringMatching(/^the store does not answer: \S/),
        upgrades: 'nobody is admitted (outage.policy: deny)',
        gate: 'ok',
        proxies: 'ok',
      },
      recoverySeconds: null,
    });
    // What somebody asked for within a second before is still good.
    await expect.poll(async () => (await gate.get('/websocket/metrics')).status).toBe(503);
    expect((await gate.get('/healthz')).status).toBe(200);
  });

  it('a Redis that hangs does not hang a Check, and the slot that it gives late is given back', async () => {
    await start({ WSGATE_OUTAGE_POLICY: 'deny' });
    redis.signal('SIGSTOP');
    const startedAt = machineNow();
    expect(await gate.check(checkOf(newStream(), 'pod1'))).toMatchObject({
      deniedResponse: { body: '{"error":"STORE_UNAVAILABLE","retry_after":5}' },
    });
    expect(machineNow() - startedAt).toBeLessThan(1000);
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
    await expect.poll(() => gate.connections('pod1')).toBe(3);
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
    await expect.poll(() => gate.connections('pod1')).toBe(50);
  });

  it('leases that were lost without a break of the connection are found by the next renewal, with all others', async () => {
    await start();
    const log = gate.logStream();
    const streams = Array.from({ length: 20 }, newStream);
    for (const stream of streams) log.write(message(entryOf(stream, 'pod1', 'DownstreamPeriodic')));
    await expect.poll(() => gate.connections('pod1')).toBe(20);
    await redis.client.flushall();
    const [first] = streams;
    if (first) log.write(message(entryOf(first, 'pod1', 'DownstreamPeriodic')));
    await expect.poll(() => gate.connections('pod1')).toBe(20);
  });
});

describe('a gate without its store for long', () => {
  const quick = { WSGATE_LEASE_TTL: '4s', WSGATE_LEASE_RESERVE: '4s' };

  it('reports NOT_SERVING, ends its log streams if there is another gate, and serves again when the store is back', async () => {
    await start(quick);
    const health = connectHealth(gate.app.grpc);
    const log = gate.logStream();
    log.write(message(entryOf(newStream(), 'pod1', 'DownstreamPeriodic')));
    await redis.client.zadd('ws:gates', Date.now() + 3_600_000, 'another');
    await expect.poll(() => redis.client.zcard('ws:gates')).toBe(2);
    await passOfReaper();
    await killRedis();
    expect(await health.check()).toBe('SERVING');
    expect(await log.ended).toBe('ok');
    expect(await health.check()).toBe('NOT_SERVING');
    const again = gate.logStream(); // an Envoy that has not asked for the gate's health yet
    again.write(message(entryOf(newStream(), 'pod1', 'DownstreamPeriodic')));
    expect(await again.ended).toBe('ok');
    await restartRedisEmpty();
    await expect.poll(() => health.check()).toBe('SERVING');
    health.close();
  });

  it('keeps its log streams if there is no other', async () => {
    await start(quick);
    const health = connectHealth(gate.app.grpc);
    const log = gate.logStream();
    log.write(message(entryOf(newStream(), 'pod1', 'DownstreamPeriodic')));
    await killRedis();
    await expect.poll(() => health.check()).toBe('NOT_SERVING');
    expect(await (await gate.get('/metrics')).text()).toContain('wsgate_log_streams 1');
    health.close();
  });
});

it('a proxy that sends Checks but no access log is told of: in the log, in the metrics, in the readiness and in the live figures', async () => {
  const lease = { WSGATE_LEASE_TTL: '2s', WSGATE_LEASE_RESERVE: '1s', WSGATE_LEASE_GRACE: '1h' };
  await start({ ...lease, WSGATE_HUB_METRICS_EVERY: '100ms' });
  const told = async () => {
    await gate.check(checkOf(newStream(), 'pod1'));
    const { checks } = (await (await gate.get('/readyz')).json()) as { checks: { proxies: string } };
    return checks.proxies;
  };
  await expect.poll(told, { timeout: 10_000, interval: 250 }).toBe('proxy_a sends Checks but no access log');
  expect(await (await gate.get('/metrics')).text()).toContain('wsgate_proxies_without_log 1');
  expect(gate.logLines).toContainEqual(expect.objectContaining({ level: 50, proxy: 'proxy_a' }));
  const watcher = await HubClient.connect(gate.app.http, '/ws/metrics');
  await expect.poll(() => watcher.received.at(-1)).toMatchObject({ unlogged_proxies: ['proxy_a'] });
  await watcher.close();
});

it('connections that closed while Redis was away are free when it is back', async () => {
  await start();
  const log = gate.logStream();
  const stream = newStream();
  const lease = leaseIn(await gate.check(checkOf(stream, 'pod1')));
  redis.signal('SIGSTOP');
  log.write(message(entryOf(stream, 'pod1', 'DownstreamEnd', { lease })));
  await expect.poll(() => gate.store()).toMatch(/^the store does not answer: /);
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
