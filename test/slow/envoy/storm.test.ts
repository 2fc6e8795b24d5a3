/** A crowd that comes back at once to a service whose pods the gate chooses, by real Envoys. */

import { afterEach, expect, it } from 'vitest';
import type { Outcome } from '../../../lab/fleet/clients.ts';
import { waitPatiently } from '../../../lab/fleet/edge.ts';
import { Fleet } from '../../../lab/fleet/fleet.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

const PODS = 20;
const LIMIT = 100;
const CLIENTS = PODS * LIMIT;
const RESTARTED = 3;
const PROXIES = ['proxy_a', 'proxy_b'];
const EACH = Array<number>(PODS).fill(LIMIT);

function comeAtOnce(): Promise<Outcome[]> {
  const each = CLIENTS / PROXIES.length;
  return Promise.all(PROXIES.map((_, proxy) => fleet.open(each, '/chat/', proxy, { concurrency: each / 2 })));
}

const connections = () => fleet.pods.map((pod) => pod.connections);
const leases = () => Promise.all(fleet.pods.map(({ port }) => fleet.connections(`chat/127.0.0.1:${port}`)));

it('of 2,000 clients that come back at once to 20 pods of 100, of which three have just come empty, none is refused', async () => {
  const pods = Array.from({ length: PODS }, (_, i) => `chat-${i}`);
  fleet = await Fleet.start({
    file: 'placement.yaml',
    store: 'redis',
    gates: 2,
    proxies: PROXIES,
    pods,
    serviceLimit: LIMIT,
    service: { wait: '8s' }, // the slots of those who have just gone are free a moment later
    mutate: (config) => waitPatiently(config, '10s'),
  });
  const first = await comeAtOnce();
  expect(first.flatMap(({ refused, failed }) => [...refused, ...failed])).toEqual([]);
  expect(connections()).toEqual(EACH);
  await expect.poll(leases).toEqual(EACH);
  for (let pod = 0; pod < RESTARTED; pod += 1) fleet.podAt(pod).closeAll();
  for (const { opened } of first) for (const client of opened) client.terminate();
  const again = await comeAtOnce();
  expect(again.flatMap(({ refused, failed }) => [...refused, ...failed])).toEqual([]);
  await expect.poll(connections, { timeout: 5000 }).toEqual(EACH);
  await expect.poll(leases, { timeout: 5000 }).toEqual(EACH);
});
