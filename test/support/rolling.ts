/**
 * A rolling restart of ten pods under connections, as a Deployment makes it: one by one, a new pod is ready and an old one
 * terminates; a moment later the old one closes its WebSockets, and its clients come again at once.
 */

import { expect } from 'vitest';
import { Fleet, type FleetOptions } from '../../lab/fleet/fleet.ts';
import type { Pod } from '../../lab/fleet/pod.ts';

const SIZE = 10;
const LIMIT = 10;
/** Of the 100 that ten pods take, so that nine have room for them. */
const CLIENTS = 80;

/** All that there ever are; the first ten are the old ones. */
const NAMES = Array.from({ length: 2 * SIZE }, (_, index) => `chat-${index}`);

/** Two Envoys and two gates. `service`: where the pods come from. */
export function startToRoll(service: Record<string, unknown>, options: FleetOptions = {}): Promise<Fleet> {
  const proxies = ['proxy_a', 'proxy_b'];
  return Fleet.start({
    file: 'placement.yaml',
    store: 'redis',
    gates: 2,
    proxies,
    pods: NAMES,
    serviceLimit: LIMIT,
    service,
    ...options,
  });
}

/** `announce`: makes these the pods that are ready, and those the ones that terminate. Resolves when they may be ended. */
export async function rollAll(
  fleet: Fleet,
  host: string,
  announce: (ready: readonly Pod[], leaving: readonly Pod[]) => Promise<void>,
): Promise<void> {
  const [old, fresh] = [fleet.pods.slice(0, SIZE), fleet.pods.slice(SIZE)];
  const leases = (pods: readonly Pod[]) =>
    Promise.all(pods.map(({ port }) => fleet.connections(`chat/${host}:${port}`)));
  const open = async (count: number) => {
    const { opened, refused, failed } = await fleet.open(count, '/chat/', count % 2);
    expect([opened.length, refused.map(({ status, body }) => `${status} ${body}`), failed]).toEqual([count, [], []]);
  };

  await announce(old, []);
  await open(CLIENTS / 2);
  await open(CLIENTS / 2);
  expect(old.map(({ connections }) => connections)).toEqual(Array(SIZE).fill(CLIENTS / SIZE));

  for (const [index, leaving] of old.entries()) {
    await announce([...old.slice(index + 1), ...fresh.slice(0, index + 1)], [leaving]);
    const before = leaving.connections;
    await open(1); // none goes to the old one any more
    expect(leaving.connections).toBe(before);
    leaving.closeAll();
    await expect.poll(() => leaving.connections).toBe(0);
    await leaving.stop();
    await open(before);
  }

  const ofFresh = fresh.map(({ connections }) => connections);
  expect(ofFresh.reduce((a, b) => a + b)).toBe(CLIENTS + SIZE);
  expect(Math.max(...ofFresh)).toBeLessThanOrEqual(LIMIT);
  await expect.poll(() => leases(old), { timeout: 3000 }).toEqual(old.map(() => 0));
  await expect.poll(() => leases(fresh), { timeout: 3000 }).toEqual(ofFresh);
}
