/** A gate that chooses the pods of a service, and an Envoy's view of it. */

import type { ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  checkOf,
  checkOfService,
  entryOf,
  leaseIn,
  message,
  newStream,
  type Stream,
} from '../../lab/fleet/messages.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { CheckResponse } from '../../src/envoy/messages.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

const [A, B] = ['10.0.0.1:8080', '10.0.0.2:8080'] as const;
const services = (...endpoints: string[]) =>
  JSON.stringify({ chat: { endpoints: { static: endpoints }, connections: 2 } });

let gate: TestApp;
let redis: RedisServer | undefined;
const gates: TestApp[] = [];
afterEach(async () => {
  await Promise.all(gates.splice(0).map((each) => each.stop()));
  await redis?.stop();
  redis = undefined;
});

async function start(env: Record<string, string> = {}): Promise<TestApp> {
  gate = await startTestApp({ WSGATE_SERVICES: services(A, B), ...env });
  gates.push(gate);
  await expect.poll(() => gate.store()).toBe('ok');
  return gate;
}

/** A busy machine makes Redis slow. */
const onRedis = ({ url }: RedisServer) => ({ WSGATE_STORE_URL: url, WSGATE_STORE_DEADLINE: '4s' });

function destination(answer: CheckResponse | ServiceError): string | undefined {
  if (!('okResponse' in answer)) return undefined;
  return answer.dynamicMetadata?.fields?.['x-gateway-destination-endpoint']?.stringValue;
}

const ask = async (stream: Stream = newStream(), of = gate) =>
  destination(await of.check(checkOfService(stream, 'chat')));
const counts = () => Promise.all([A, B].map((endpoint) => gate.connections(`chat/${endpoint}`)));

describe.each(['embedded', 'redis'])('on the %s store', (store) => {
  beforeEach(async () => {
    redis = store === 'redis' ? await startRedis() : undefined;
    await start(redis ? onRedis(redis) : {});
  });

  it('an upgrade is sent to the pod that has the most room, and 429 when none has any', async () => {
    const sent = [await ask(), await ask(), await ask(), await ask()];
    expect(sent.toSorted()).toEqual([A, A, B, B]);
    expect(await gate.check(checkOfService(newStream(), 'chat'))).toMatchObject({
      deniedResponse: { status: { code: 429 } },
    });
    expect(await counts()).toEqual([2, 2]);
    const { 'websocket_proxy_connections{proxy_id="proxy_a"}': ofProxy, ...others } = await gate.fleet();
    expect([ofProxy, others]).toEqual([
      4,
      {
        'websocket_service_connections{service="chat"}': 4,
        'websocket_service_limit{service="chat"}': 4,
        'websocket_service_free{service="chat"}': 0,
      },
    ]);
  });

  it('Envoy is told the same pod when it asks twice', async () => {
    const stream = newStream();
    const first = await ask(stream);
    await ask();
    await ask();
    expect(await ask(stream)).toBe(first);
    expect((await counts()).toSorted()).toEqual([1, 2]);
  });

  it('a slot is free when its upgrade was given up, or ended without an answer', async () => {
    gate.abandon(checkOfService(newStream(), 'chat'));
    const given = newStream();
    await ask(given);
    await expect.poll(async () => (await counts()).toSorted()).toEqual([0, 1]);
    const log = gate.logStream();
    const ended = entryOf(given, 'chat', 'DownstreamEnd', { code: 0 });
    const { customTags: _, ...common } = ended.commonProperties ?? {};
    log.write(message({ ...ended, commonProperties: { ...common, customTags: { service: 'chat' } } }));
    await expect.poll(counts).toEqual([0, 0]);
  });

  it('its log entries are told of the pod that it was sent to', async () => {
    const stream = newStream();
    const answer = await gate.check(checkOfService(stream, 'chat'));
    const [pod, lease] = [`chat/${destination(answer)}`, leaseIn(answer)];
    const log = gate.logStream();
    log.write(message(entryOf(stream, pod, 'DownstreamTunnelSuccessfullyEstablished', { lease })));
    const state = async () => (await gate.api.connections(pod, 10)).connections.map((each) => each.state);
    await expect.poll(state).toEqual(['live']);
    log.write(message(entryOf(stream, pod, 'DownstreamEnd', { lease })));
    await expect.poll(counts).toEqual([0, 0]);
  });

  it('pods come and go while it runs: those that are gone get nothing new, and keep what they have', async () => {
    expect([await ask(), await ask()].toSorted()).toEqual([A, B]);
    const change = async (...endpoints: string[]) => {
      const loaded = loadConfig({ env: { WSGATE_SERVICES: services(...endpoints) } });
      if (loaded.ok) gate.app.reconfigure(loaded.config);
      const told = async () => (redis ? redis.client.zrange('{ws:service:chat}:room', '0', '-1') : endpoints);
      await expect.poll(told).toHaveLength(endpoints.length);
    };
    await change(B);
    expect([await ask(), await ask()]).toEqual([B, undefined]);
    expect(await counts()).toEqual([1, 2]);
    await change(A, B);
    expect([await ask(), await ask()]).toEqual([A, undefined]);
  });
});

describe.each(['embedded', 'redis'])('on the %s store, a service', (store) => {
  const C = '10.0.0.3:8080';
  const startWith = async (how: Record<string, unknown>, endpoints: unknown[] = [A, B, C]) => {
    redis = store === 'redis' ? await startRedis() : undefined;
    const chat = { endpoints: { static: endpoints }, connections: 3, ...how };
    await start({ WSGATE_SERVICES: JSON.stringify({ chat }), ...(redis ? onRedis(redis) : {}) });
  };
  const withKey = async (headers: Record<string, string>) =>
    destination(await gate.check(checkOfService(newStream(), 'chat', headers)));
  const countOf = (endpoint: string) => gate.connections(`chat/${endpoint}`);

  it('is packed where it is to be', async () => {
    await startWith({ pick: 'pack' });
    const sent = [await ask(), await ask(), await ask(), await ask()];
    expect(new Set(sent.slice(0, 3)).size).toBe(1);
    expect(sent[3]).not.toBe(sent[0]);
  });

  it('is spread over its zones', async () => {
    const inZone = (address: string, zone: string) => ({ address, zone });
    await startWith({ pick: 'spread' }, [inZone(A, 'a'), inZone(B, 'b'), inZone(C, 'b')]);
    const sent = [await ask(), await ask(), await ask(), await ask()];
    expect(sent.filter((each) => each === A)).toHaveLength(2);
  });

  it('is filled up to its soft limit first', async () => {
    await startWith({ pick: 'pack', softLimit: 1 });
    await Promise.all([ask(), ask(), ask()]);
    expect(await Promise.all([A, B, C].map(countOf))).toEqual([1, 1, 1]);
  });

  it('has the upgrades of one user at one pod; and by what else, it learns while it runs', async () => {
    await startWith({ sticky: 'header:x-user', connections: 30 });
    const user = { 'x-user': 'ann' };
    const sent = [await withKey(user), await withKey(user), await withKey(user)];
    expect(new Set(sent).size).toBe(1);
    expect(JSON.stringify(gate.logLines)).not.toContain('ann');
    const chat = { endpoints: { static: [A, B, C] }, connections: 30, sticky: 'cookie:session' };
    const loaded = loadConfig({ env: { WSGATE_SERVICES: JSON.stringify({ chat }) } });
    if (loaded.ok) gate.app.reconfigure(loaded.config);
    const by = (session: string) => withKey({ cookie: `a=b; session=${session}` });
    const pods = new Map<string, string | undefined>();
    for (let i = 0; i < 12; i += 1) pods.set(`s${i}`, await by(`s${i}`));
    expect(new Set(pods.values()).size).toBeGreaterThan(1);
    for (const [session, pod] of pods) expect(await by(session)).toBe(pod);
  });
});

it('a Redis that forgot which pods there are is told again, before anybody is refused', async () => {
  redis = await startRedis();
  await start(onRedis(redis));
  await ask();
  await redis.client.del('{ws:service:chat}:room', '{ws:service:chat}:limits');
  expect([A, B]).toContain(await ask());
});

it('of two gates with other pods the one that changed last has its way, and the other says so, however often it tells', async () => {
  redis = await startRedis();
  const first = await start(onRedis(redis));
  const second = await start({ ...onRedis(redis), WSGATE_SERVICES: services(A) });
  const differing = async (of: TestApp) =>
    /^wsgate_services_differing (\d)$/m.exec(await (await of.get('/metrics')).text())?.[1];
  const inStore = () => redis?.client.zrange('{ws:service:chat}:room', '0', '-1');
  await expect.poll(inStore).toEqual([A]);
  const change = (...endpoints: string[]) => {
    const loaded = loadConfig({ env: { WSGATE_SERVICES: services(...endpoints) } });
    if (loaded.ok) first.app.reconfigure(loaded.config);
  };
  change(A, B); // as it was
  await expect.poll(() => differing(first)).toBe('1');
  expect(await inStore()).toEqual([A]);
  const told = first.logLines.filter(({ msg }) => String(msg).includes('another gate has other pods'));
  expect(told).toMatchObject([{ service: 'chat', onlyHere: [`chat/${B}`], onlyThere: [] }]);
  expect(await differing(second)).toBe('0');
  change(B);
  await expect.poll(inStore).toEqual([B]);
  await expect.poll(() => differing(first)).toBe('0');
});

it('without the store each pod is filled as far as the share of the gate goes, and Envoy is told the same pod twice', async () => {
  redis = await startRedis();
  await start(onRedis(redis));
  const metrics = async () => (await gate.get('/metrics')).text();
  const PASSES = /store_duration_seconds_count\{operation="pods",answer="ok"\} (\d+)/;
  const passes = async () => Number(PASSES.exec(await metrics())?.[1] ?? 0);
  await expect.poll(passes).toBeGreaterThan(1); // the first of them has counted all
  await redis.stop();
  await expect.poll(() => gate.store()).not.toBe('ok');
  const stream = newStream();
  const first = await ask(stream);
  expect(await ask(stream)).toBe(first);
  const others = [await ask(), await ask(), await ask()];
  expect([first, ...others].toSorted()).toEqual([A, A, B, B]);
  expect(await ask()).toBeUndefined();
});

it('a service that nobody has configured is refused, and the log says what to change', async () => {
  await start();
  const answer = await gate.check(checkOfService(newStream(), 'mail'));
  expect(answer).toMatchObject({ deniedResponse: { status: { code: 403 }, body: '{"error":"POD_UNKNOWN"}' } });
  expect(JSON.stringify(gate.logLines)).toContain('is none of the services of the configuration');
});

it('the header that names a destination is taken off whatever names none', async () => {
  await start();
  const removed = ['x-connection-id', 'x-gateway-destination-endpoint'];
  expect(await gate.check(checkOf(newStream(), 'pod1', {}))).toMatchObject({
    okResponse: { headersToRemove: removed },
  });
  expect(await gate.check(checkOf(newStream(), 'pod1'))).toMatchObject({
    okResponse: { headersToRemove: ['x-gateway-destination-endpoint'] },
  });
});
