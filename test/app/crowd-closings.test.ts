/** Many connections that are closed at once, over the API. */

import { afterEach, describe, expect, it } from 'vitest';
import { streamIn } from '../../lab/fleet/messages.ts';
import { isAdmitted, Operated, type OperatedGate } from '../support/operated.ts';

const fleet = new Operated();
afterEach(() => fleet.stop());

const counts = async ({ ops }: OperatedGate) => (await ops.pods(['pod1', 'pod2'])).pods.map((pod) => pod.connections);
const leases = async ({ ops }: OperatedGate, pod = 'pod1') =>
  (await ops.connections(pod, 100)).connections.map(({ lease }) => lease); // the oldest first
/** The store is told once a second of which leases a stream is held. */
const areHeld = async ({ ops }: OperatedGate, count: number, pod = 'pod1') => {
  const held = async () => (await ops.connections(pod, 100)).connections.filter((each) => each.held).length;
  await expect.poll(held, { timeout: 5000 }).toBe(count);
};

describe.each(['embedded', 'redis'])('on the %s store', (store) => {
  it('those of a pod, of a proxy, the oldest, the newest, and those that are beyond a new limit', async () => {
    const gate = await fleet.startOn(store);
    const { ops } = gate;
    const envoy = fleet.envoyOf(gate);
    envoy.ask(6);
    envoy.ask(4, 'pod1', 'proxy_b');
    envoy.ask(3, 'pod2', 'proxy_b');
    await areHeld(gate, 10);
    await areHeld(gate, 3, 'pod2');
    expect(await isAdmitted(gate)).toBe(true); // nobody holds this one

    const before = await leases(gate);
    const asked = await ops.closeMany({ pod: 'pod1', oldest: 2, rate: 10, reason: 'too_old' });
    expect(asked).toEqual({ asked: 2, seconds: 1, unheld: 1 });
    await expect.poll(() => counts(gate)).toEqual([9, 3]);
    expect(await leases(gate)).toEqual(before.slice(2));
    expect(envoy.closed.map(({ reason }) => reason)).toEqual(['wsgate_too_old', 'wsgate_too_old']);

    expect(await ops.closeMany({ proxy: 'proxy_b' })).toMatchObject({ asked: 7, unheld: 0 });
    await expect.poll(() => counts(gate)).toEqual([5, 0]);
    const left = await leases(gate);
    const { closing, limit } = await ops.setLimit('pod1', { connections: 4, close: 'newest' });
    expect([limit, closing]).toEqual([4, { asked: 1, seconds: 1, unheld: 1 }]);
    await expect.poll(() => counts(gate)).toEqual([4, 0]);
    const stays = await leases(gate);
    expect(stays).toEqual(left.filter((lease) => stays.includes(lease)));

    const { entries } = await ops.audit(3);
    expect(entries).toMatchObject([
      { action: 'close.asked', by: 'ops', pod: 'pod1', asked: 1, reason: 'over_limit' },
      { action: 'limit.set', by: 'ops', pod: 'pod1', connections: 4 },
      { action: 'close.asked', by: 'ops', proxy: 'proxy_b', asked: 7, rate: 100, reason: 'closed_on_request' },
    ]);
  });
});

it('those that are open for longer', async () => {
  const gate = await fleet.start();
  const { ops } = gate;
  const envoy = fleet.envoyOf(gate);
  envoy.ask(2, 'pod1', 'proxy_a', () => streamIn(-3_600_000));
  envoy.ask(2, 'pod1', 'proxy_a', () => streamIn(-60_000));
  await areHeld(gate, 4);
  expect(await ops.closeMany({ pod: 'pod1', olderThanSeconds: 600 })).toMatchObject({ asked: 2 });
  await expect.poll(() => counts(gate)).toEqual([2, 0]);
});

it('one that is closed, or of which the slot is freed, is in the audit trail, too', async () => {
  const gate = await fleet.start();
  const { ops } = gate;
  fleet.envoyOf(gate).ask(2);
  await areHeld(gate, 2);
  const [first = '', second = ''] = await leases(gate);
  expect(await ops.close('pod1', first, 'rude')).toEqual({ closed: true });
  expect(await ops.release('pod1', second)).toEqual({ released: true, closed: true });
  expect((await ops.audit(10)).entries).toMatchObject([
    { action: 'release.forced', by: 'ops', pod: 'pod1', lease: second },
    { action: 'close.asked', by: 'ops', pod: 'pod1', lease: first, reason: 'rude', asked: 1 },
  ]);
});

it.each([
  [{}, 'expected pod or proxy, or both'],
  [{ pod: 'pod1', oldest: 1, newest: 1 }, 'expected oldest or newest, not both'],
  [{ pod: 'pod 1' }, '"pod 1" is no pod id: expected 1 to 253 of A-Z a-z 0-9 . _ : -'],
  [{ pod: 'pod1', rate: 5000 }, 'rate: expected a whole number from 1 to 1000'],
  [{ pod: 'pod1', reason: 'Two words' }, 'reason: expected 1 to 64 of a-z 0-9 _ -'],
])('%j is refused: %s', async (crowd, message) => {
  const { ops } = await fleet.start();
  await expect(ops.closeMany(crowd)).rejects.toMatchObject({ status: 400, message });
});
