/** The limit, on real Envoys: one for the fleet, and exact. */

import { afterEach, describe, expect, it } from 'vitest';
import { closeAll } from '../../lab/fleet/clients.ts';
import { Fleet, stores } from '../../lab/fleet/fleet.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

const proxies = ['proxy_a', 'proxy_b', 'proxy_c'];

describe.each(stores)('three Envoys on the %s store', (store) => {
  it('show the totals of the fleet, per pod and per proxy', async () => {
    fleet = await Fleet.start({ store, proxies, pods: ['pod1', 'pod2', 'pod3'] });
    const table = [
      [25, 40, 15],
      [30, 35, 20],
      [20, 25, 30],
    ];
    for (const [proxy, row] of table.entries()) {
      for (const [pod, count] of row.entries()) {
        expect((await fleet.open(count, `/pod${pod + 1}/chat`, proxy)).opened).toHaveLength(count);
      }
    }
    await expect
      .poll(() => fleet.gate.metrics())
      .toEqual({
        'websocket_pod_connections{pod_id="pod1"}': 75,
        'websocket_pod_connections{pod_id="pod2"}': 100,
        'websocket_pod_connections{pod_id="pod3"}': 65,
        'websocket_proxy_connections{proxy_id="proxy_a"}': 80,
        'websocket_proxy_connections{proxy_id="proxy_b"}': 85,
        'websocket_proxy_connections{proxy_id="proxy_c"}': 75,
        'websocket_pod_limit{pod_id="pod1"}': 100,
        'websocket_pod_limit{pod_id="pod2"}': 100,
        'websocket_pod_limit{pod_id="pod3"}': 100,
      });
    if (fleet.redis) expect(await fleet.redis.client.zcard('ws:pod_conn:pod2')).toBe(100);
  });

  it('let in exactly the limit when three times as many ask at once, and exactly what becomes free', async () => {
    fleet = await Fleet.start({ store, proxies });
    const asked = await Promise.all([0, 1, 2].map((proxy) => fleet.open(100, '/pod1/', proxy, { concurrency: 100 })));
    const opened = asked.flatMap((outcome) => outcome.opened);
    const refused = asked.flatMap((outcome) => outcome.refused);
    expect(asked.flatMap(({ failed }) => failed)).toEqual([]);
    expect(opened).toHaveLength(100);
    expect(refused).toHaveLength(200);
    for (const { status, body, headers } of refused) {
      expect({ status, body }).toEqual({ status: 429, body: '{"error":"LIMIT_EXCEEDED","retry_after":5}' });
      expect(headers).toMatchObject({ 'retry-after': '5', 'content-type': 'application/json' });
    }

    await closeAll(opened.slice(0, 40));
    await fleet.settlesAt(60);
    const again = await Promise.all([0, 1, 2].map((proxy) => fleet.open(20, '/pod1/', proxy, { concurrency: 20 })));
    expect(again.flatMap((outcome) => outcome.opened)).toHaveLength(40);
    expect(again.flatMap((outcome) => outcome.refused)).toHaveLength(20);

    await closeAll([...opened.slice(40), ...again.flatMap((outcome) => outcome.opened)]);
    await fleet.settlesAt(0);
    if (fleet.redis) {
      expect(await fleet.redis.client.exists('{ws:pod_conn:pod1}:info', '{ws:pod_conn:pod1}:proxies')).toBe(0);
    }
  });
});

it('the backend is told the lease as x-connection-id, whatever the client sent', async () => {
  fleet = await Fleet.start({ store: 'embedded' });
  await fleet.open(1, '/pod1/', 0, { headers: { 'x-connection-id': 'forged' } });
  const [holder] = await fleet.holders();
  expect(fleet.pod.upgrades().map((headers) => headers['x-connection-id'])).toEqual([holder?.lease]);
});
