import { expect, it, onTestFinished } from 'vitest';
import { checkOf, leaseIn, newStream } from '../../lab/fleet/messages.ts';
import { startRedis } from '../../lab/redis/server.ts';
import { startTestApp } from '../support/app.ts';

it('counts of a pod and of its proxies that differ are told, counted, and shown as they are', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const gate = await startTestApp({ WSGATE_STORE_URL: redis.url });
  onTestFinished(() => gate.stop());
  await expect.poll(() => gate.store()).toBe('ok');
  leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
  await redis.client.hincrby('{ws:pod_conn:pod1}:proxies', 'proxy_a', 1); // somebody else's hand
  await expect
    .poll(() => gate.fleet())
    .toMatchObject({
      'websocket_pod_connections{pod_id="pod1"}': 1,
      'websocket_proxy_connections{proxy_id="proxy_a"}': 2,
    });
  const metrics = await (await gate.get('/metrics')).text();
  expect(metrics).toContain('wsgate_invariants_broken_total{invariant="counts-differ"}');
  expect(gate.logLines).toContainEqual(expect.objectContaining({ invariant: 'counts-differ' }));
});
