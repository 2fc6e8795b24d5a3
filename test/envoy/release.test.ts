/** Every way in which a WebSocket ends, on a real Envoy: its slot is free within a second. */

import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { closeAll } from '../../lab/fleet/clients.ts';
import { EXT_AUTHZ } from '../../lab/fleet/edge.ts';
import { Fleet, stores } from '../../lab/fleet/fleet.ts';
import { until } from '../../lab/fleet/processes.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

describe.each(stores)('on the %s store, a slot is free within a second when', (store) => {
  it('the client closes, the client is cut off, or the pod closes', async () => {
    fleet = await Fleet.start({ store });
    const { opened } = await fleet.open(3);
    const [polite, rude] = opened;
    await fleet.settlesAt(3);
    if (polite) await closeAll([polite]);
    await fleet.settlesAt(2);
    rude?.reset();
    await fleet.settlesAt(1);
    fleet.pod.closeAll();
    await fleet.settlesAt(0);
  });

  it('the pod answers 403 instead of 101', async () => {
    fleet = await Fleet.start({ store });
    const { refused } = await fleet.open(5, '/pod1/?refuse=403');
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403]);
    await fleet.settlesAt(0);
    await decided(5);
  });

  it('the pod is not there', async () => {
    fleet = await Fleet.start({ store });
    await fleet.pod.stop();
    const { refused } = await fleet.open(5);
    expect(refused.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503]);
    await fleet.settlesAt(0);
    await decided(5);
  });

  it('the client leaves before the pod has answered', async () => {
    fleet = await Fleet.start({ store });
    const asking = upgrade('/pod1/?delay=2000');
    await fleet.settlesAt(1);
    asking.destroy();
    await fleet.settlesAt(0);
  });

  it('an Envoy with 500 WebSockets gets SIGTERM', async () => {
    fleet = await Fleet.start({ store, config: { limits: { default: { connections: 1000 } } } });
    expect((await fleet.open(500)).opened).toHaveLength(500);
    await fleet.settlesAt(500);
    fleet.envoy.kill('SIGTERM');
    await fleet.envoy.ended;
    await fleet.settlesAt(0);
  });
});

describe('with a Redis that does not answer', () => {
  it('the lease of a client that left meanwhile is released when Redis goes on', async () => {
    fleet = await Fleet.start({ store: 'redis', config: { lease: { reserve: '60s' } } });
    await using stopped = stoppedRedis();
    const asking = upgrade('/pod1/');
    await until('Envoy has asked', async () => (await stat('http.edge.downstream_rq_active')) > 0);
    asking.destroy();
    stopped.goOn();
    await expect.poll(() => fleet.connections().catch(() => -1)).toBe(0);
  });

  it('so is the lease of a Check that Envoy gave up', async () => {
    const mutate = (config: { setIn(path: (string | number)[], value: unknown): void }) => {
      config.setIn([...EXT_AUTHZ, 'grpc_service', 'timeout'], '0.2s');
      config.setIn([...EXT_AUTHZ, 'grpc_service', 'retry_policy'], {});
    };
    fleet = await Fleet.start({
      store: 'redis',
      config: { store: { deadline: '5s' }, lease: { reserve: '60s' } },
      mutate,
    });
    await using stopped = stoppedRedis();
    const { refused } = await fleet.open(3);
    expect(refused.map(({ status }) => status)).toEqual([503, 503, 503]);
    stopped.goOn();
    await expect.poll(() => fleet.connections().catch(() => -1)).toBe(0);
  });
});

/** An upgrade that waits for its answer. */
function upgrade(path: string) {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  const asking = request({ port: fleet.envoy.port, host: '127.0.0.1', path, headers });
  asking.on('error', () => {}); // it is destroyed on purpose
  asking.end();
  return asking;
}

async function stat(name: string): Promise<number> {
  return (await fleet.envoy.stats())[name] ?? 0;
}

/** That the slots were taken at all, before they were free. */
async function decided(count: number): Promise<void> {
  const metrics = await fleet.gate.metrics('/metrics');
  expect(metrics['wsgate_decisions_total{outcome="admitted",reason="WITHIN_LIMIT"}']).toBe(count);
}

function stoppedRedis() {
  const { redis } = fleet;
  redis?.signal('SIGSTOP');
  const goOn = () => redis?.signal('SIGCONT');
  return { goOn, [Symbol.asyncDispose]: async () => goOn() };
}
