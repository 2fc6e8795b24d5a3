/** Redis as services sell it: what is refused there, and what gates make of it. */

import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { checkOf, leaseIn, newStream } from '../../lab/fleet/messages.ts';
import { freePort, until } from '../../lab/fleet/processes.ts';
import { type RedisProxy, type Service, startProxy } from '../../lab/redis/proxy.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { clusterServices, services, withoutFlags, withoutScripts } from '../../lab/redis/services.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

const LIMIT = 2;

let stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
  stops = [];
});

async function redisWith(...args: string[]): Promise<RedisServer> {
  const redis = await startRedis({ args });
  stops.push(() => redis.stop());
  return redis;
}

async function inFrontOf({ port }: RedisServer, service: Service, own = 0): Promise<RedisProxy> {
  const proxy = await startProxy(port, service, own);
  stops.push(() => proxy.stop());
  return proxy;
}

async function gateOn(url: string): Promise<TestApp> {
  const gate = await startTestApp({
    WSGATE_STORE_URL: url,
    WSGATE_STORE_DEADLINE: '1s',
    WSGATE_OUTAGE_POLICY: 'deny',
    WSGATE_LEASE_RECOVERY: '500ms',
    WSGATE_LIMITS_DEFAULT_CONNECTIONS: String(LIMIT),
  });
  stops.push(() => gate.stop());
  return gate;
}

const isReady = (gate: TestApp) => expect.poll(() => gate.store(), { timeout: 5000 }).toBe('ok');
const lines = (gate: TestApp, text: RegExp) => gate.logLines.filter((line) => text.test(JSON.stringify(line)));
const losses = (gate: TestApp) => lines(gate, /may have lost leases/).length;

/** Counts and limits, while another gate starts and ends; and says what is different about the Redis at most once. */
async function serves(url: string): Promise<string[]> {
  const first = await gateOn(url);
  await isReady(first);
  expect(losses(first)).toBe(1); // it is new
  leaseIn(await first.check(checkOf(newStream(), 'pod1')));

  const second = await gateOn(url);
  await isReady(second);
  leaseIn(await second.check(checkOf(newStream(), 'pod1')));
  for (const gate of [first, second]) {
    expect(await gate.connections('pod1')).toBe(LIMIT);
    expect(await gate.check(checkOf(newStream(), 'pod1'))).toMatchObject({ deniedResponse: { status: { code: 429 } } });
  }
  await beats(first);
  expect(losses(first)).toBe(1);
  expect(lines(first, /not trusted/)).toEqual([]);
  return lines(first, /needs attention/).map(({ warning }) => String(warning));
}

/** Until it has had two more answers to its heartbeat. */
async function beats(gate: TestApp): Promise<void> {
  const count = async () => {
    const metrics = await (await gate.get('/metrics')).text();
    const line = /^wsgate_store_duration_seconds_count\{operation="incarnation",answer="ok"\} (\d+)/m.exec(metrics);
    return Number(line?.[1] ?? 0);
  };
  const before = await count();
  await until('it has beaten twice', async () => (await count()) >= before + 2);
}

describe.each(Object.entries<Service>(services))('%s', (name, service) => {
  it('gates start, count and limit together, and say once what is different', async () => {
    const warnings = await serves((await inFrontOf(await redisWith(), service)).url);
    const expected = /INFO/.test(name) || name.startsWith('all') ? 1 : 0;
    expect(warnings).toHaveLength(expected);
    for (const warning of warnings) expect(warning).toMatch(/INFO tells no run_id.*docs\/redis\.md/);
    expect(/SCRIPT LOAD is refused/.test(warnings.join())).toBe(/SCRIPT|all/.test(name));
  });
});

describe.each(Object.entries<Service>(clusterServices))('%s', (name, service) => {
  it('gates start, count and limit together, and say once what is different', async () => {
    const port = await freePort();
    const announced = ['--cluster-announce-ip', '127.0.0.1', '--cluster-announce-port', String(port)]; // the proxy
    const node = await redisWith('--cluster-enabled', 'yes', '--cluster-port', String(await freePort()), ...announced);
    await node.client.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    await until('the cluster is whole', async () => (await node.client.cluster('INFO')).includes('cluster_state:ok'));
    const proxy = await inFrontOf(node, service, port);
    const warnings = await serves(proxy.url.replace('redis:', 'redis+cluster:'));
    expect(warnings).toHaveLength(/: INFO/.test(name) ? 1 : 0);
    for (const warning of warnings) expect(warning).toMatch(/INFO tells no run_id: .* is not noticed/);
    expect(/CLUSTER INFO is refused/.test(warnings.join())).toBe(/CLUSTER INFO/.test(name));
  });
});

it('a cluster that refuses CLUSTER SLOTS is not used, and its answer is told', async () => {
  const proxy = await inFrontOf(await redisWith(), services['CONFIG, CLIENT, CLUSTER and ACL refused']);
  const gate = await gateOn(proxy.url.replace('redis:', 'redis+cluster:'));
  await expect.poll(() => gate.store()).toMatch(/no node can be asked for the cluster's others; .*unknown command/);
  expect(lines(gate, /the store does not answer/)).toHaveLength(1);
});

it('a failover behind a proxy whose connections go on is a loss, once', async () => {
  const [master, replica] = [await redisWith(), await redisWith()];
  await replica.client.replicaof('127.0.0.1', master.port);
  const proxy = await inFrontOf(master, services['INFO refused']);
  const gate = await gateOn(proxy.url);
  await isReady(gate);
  await expect.poll(() => replica.client.info('replication')).toContain('master_link_status:up');
  await replica.client.replicaof('NO', 'ONE');
  proxy.failOver(replica.port);
  await expect.poll(() => losses(gate), { timeout: 5000 }).toBe(2);
  await isReady(gate);
  await beats(gate);
  expect(losses(gate)).toBe(2);
});

it('a Redis that says in other words that it takes no writes is left until it does', async () => {
  const redis = await redisWith();
  const gate = await gateOn((await inFrontOf(redis, services['errors in other words'])).url);
  await isReady(gate);
  await redis.client.config('SET', 'min-replicas-to-write', 1);
  expect(await gate.check(checkOf(newStream(), 'pod1'))).toMatchObject({ deniedResponse: { status: { code: 503 } } });
  await expect.poll(() => gate.store()).toMatch(/^the store does not answer: .*NOREPLICAS/);
  await redis.client.config('SET', 'min-replicas-to-write', 0);
  await isReady(gate);
});

it('scripts that a Redis forgets are sent again where it says so in other words', async () => {
  const redis = await redisWith();
  const gate = await gateOn((await inFrontOf(redis, services['errors in other words'])).url);
  await isReady(gate);
  await redis.client.script('FLUSH');
  leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
});

it.each<[string, Service, RegExp]>([
  ['does not know the first line of our scripts', withoutFlags, /does not run scripts with a first line .*Redis 7\.0/],
  ['runs no scripts', withoutScripts, /does not run scripts; it says: ERR unknown command/],
])('a server that %s is told so, and is not asked again and again', async (_, service, why) => {
  const redis = await redisWith();
  const gate = await gateOn((await inFrontOf(redis, service)).url);
  await expect.poll(() => gate.store()).toMatch(why);
  const again = /unfit: .*needs attention/;
  await expect.poll(() => lines(gate, again), { timeout: 15_000 }).toHaveLength(1);
  const [first, ...others] = lines(gate, /the store does not answer/);
  expect(others).toEqual([]);
  expect(Number(lines(gate, again)[0]?.time) - Number(first?.time)).toBeGreaterThan(4000);
});

it('docs/redis.md has a row for each service', () => {
  const docs = readFileSync(new URL('../../docs/redis.md', import.meta.url), 'utf8');
  for (const name of [...Object.keys(services), ...Object.keys(clusterServices)])
    expect(docs).toContain(`| ${name} | `);
});
