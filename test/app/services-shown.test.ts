/** What people see of services: `GET /v1/services`, and events. */

import { afterEach, describe, expect, it } from 'vitest';
import { checkOfService, entryOf, leaseIn, message, newStream } from '../../lab/fleet/messages.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { loadConfig } from '../../src/config/load.ts';
import { HubClient } from '../hub/client.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

const [A, B, C] = ['10.0.0.1:8080', '10.0.0.2:8080', '10.0.0.3:8080'] as const;

const gates: TestApp[] = [];
let redis: RedisServer | undefined;
afterEach(async () => {
  await Promise.all(gates.splice(0).map((gate) => gate.stop()));
  await redis?.stop();
  redis = undefined;
});

const env = (...endpoints: unknown[]) => ({
  WSGATE_SERVICES: JSON.stringify({ chat: { endpoints: { static: endpoints }, connections: 2 } }),
});

async function start(store: string, ...endpoints: unknown[]): Promise<TestApp> {
  if (store === 'redis') redis ??= await startRedis();
  const on = redis ? { WSGATE_STORE_URL: redis.url, WSGATE_STORE_DEADLINE: '4s' } : {};
  const gate = await startTestApp({ ...env(...endpoints), ...on });
  gates.push(gate);
  await expect.poll(() => gate.store()).toBe('ok');
  return gate;
}

/** An upgrade, and where it was sent. */
async function upgrade(gate: TestApp) {
  const stream = newStream();
  const answer = await gate.check(checkOfService(stream, 'chat'));
  const lease = leaseIn(answer);
  const pod =
    'okResponse' in answer
      ? answer.dynamicMetadata?.fields?.['x-gateway-destination-endpoint']?.stringValue
      : undefined;
  return { stream, lease, pod: `chat/${pod}` };
}

function reconfigure(...endpoints: unknown[]): void {
  const loaded = loadConfig({ env: env(...endpoints) });
  for (const { app } of gates) if (loaded.ok) app.reconfigure(loaded.config);
}

describe.each(['embedded', 'redis'])('on the %s store', (store) => {
  it('/v1/services has each service with its pods, and whether they take new connections', async () => {
    const gate = await start(store, A, { address: B, zone: 'z1', connections: 3 }, C);
    const ready = { state: 'ready', name: null, zone: null, connections: 0, limit: 2, free: 2 };
    const services = (max: number) => gate.api.services(max).then(({ services: all }) => all);
    await expect
      .poll(() => services(10))
      .toEqual([
        {
          service: 'chat',
          connections: 0,
          limit: 7,
          free: 7,
          size: 3,
          pods: [
            { ...ready, pod: `chat/${A}` },
            { ...ready, pod: `chat/${B}`, zone: 'z1', limit: 3, free: 3 },
            { ...ready, pod: `chat/${C}` },
          ],
        },
      ]);
    expect((await services(1))[0]).toMatchObject({ size: 3, pods: [{ pod: `chat/${A}` }] });

    const states = async () => (await services(10))[0]?.pods.map((each) => [each.pod, each.state, each.free]);
    const { stream, lease, pod } = await upgrade(gate);
    expect(pod).toBe(`chat/${B}`); // the roomiest
    gate.logStream().write(message(entryOf(stream, pod, 'DownstreamEnd', { lease, code: 503 })));
    await expect.poll(states).toContainEqual([`chat/${B}`, 'avoided', expect.any(Number)]); // for a second
    await gate.api.cordon(`chat/${B}`);
    await gate.api.cordon(`chat/${C}`);
    expect((await upgrade(gate)).pod).toBe(`chat/${A}`);
    await expect.poll(states).toEqual([
      [`chat/${A}`, 'ready', 1],
      [`chat/${B}`, 'cordoned', 0],
      [`chat/${C}`, 'cordoned', 0],
    ]);
    reconfigure(C);
    await expect.poll(states).toEqual([
      [`chat/${A}`, 'leaving', 0],
      [`chat/${C}`, 'cordoned', 0],
    ]);
    expect((await gate.get('/v1/services?limit=0')).status).toBe(400);
  });

  it('a pod that joins, leaves or is avoided causes an event, by whichever gate', async () => {
    const gate = await start(store, A);
    if (store === 'redis') await start(store, A);
    const client = await HubClient.subscribed(gate.app.http, { types: ['pod.joined', 'pod.left', 'pod.avoided'] });
    reconfigure(B);
    const about = (endpoint: string) => ({
      subject: `pod/chat/${endpoint}`,
      data: { endpoint, labels: { pod: `chat/${endpoint}`, service: 'chat' } },
    });
    expect(await client.eventOf('pod.left')).toMatchObject(about(A));
    const joined = () => client.events().filter(({ type, subject }) => type === 'pod.joined' && subject?.endsWith(B));
    await expect.poll(joined).toMatchObject([about(B)]);
    const { stream, lease, pod } = await upgrade(gate);
    gate.logStream().write(message(entryOf(stream, pod, 'DownstreamEnd', { lease, code: 503 })));
    expect(await client.eventOf('pod.avoided')).toMatchObject(about(B));
    expect(joined()).toHaveLength(1);
    await client.close();
  });
});
