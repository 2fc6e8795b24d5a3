/** Pods that are cordoned and drained, over the API. */

import { afterEach, describe, expect, it } from 'vitest';
import { checkOfService, newStream } from '../../lab/fleet/messages.ts';
import type { OverrideBody } from '../../src/http/bodies.ts';
import { holds, isAdmitted, Operated, type OperatedGate } from '../support/operated.ts';

const fleet = new Operated();
afterEach(() => fleet.stop());

const connections = async ({ ops }: OperatedGate, pod: string) => (await ops.pod(pod)).connections;
const cordonOf = async ({ ops }: OperatedGate, pod = 'pod1'): Promise<OverrideBody | undefined> =>
  (await ops.pod(pod)).overrides?.find(({ kind }) => kind === 'cordon');
const drainOf = async (gate: OperatedGate) => (await cordonOf(gate))?.drain;
const actions = async ({ ops }: OperatedGate) => (await ops.audit(100)).entries.map(({ action }) => action).reverse();

describe.each(['embedded', 'redis'])('on the %s store', (store) => {
  it('a cordoned pod takes no new connections, keeps those that it has, and takes some again', async () => {
    const gate = await fleet.startOn(store);
    expect(await isAdmitted(gate)).toBe(true);
    await gate.ops.cordon('pod1', 'a new kernel');
    expect(await isAdmitted(gate)).toBe(false);
    expect(await gate.ops.pod('pod1')).toMatchObject({
      connections: 1,
      limit: 0,
      overrides: [{ kind: 'cordon', pod: 'pod1', by: 'ops', until: null, reason: 'a new kernel' }],
    });
    await gate.ops.setLimit('pod1', { connections: 2 });
    expect(await isAdmitted(gate)).toBe(false);
    await gate.ops.uncordon('pod1');
    expect([await isAdmitted(gate), await isAdmitted(gate)]).toEqual([true, false]);
    await gate.ops.deleteLimit('pod1');
    expect((await gate.ops.pod('pod1')).overrides).toBeUndefined();
    await expect(gate.ops.uncordon('pod1')).rejects.toMatchObject({ status: 404 });
    expect(await actions(gate)).toEqual(['pod.cordoned', 'limit.set', 'pod.uncordoned', 'limit.deleted']);
  });

  it('a cordoned pod of a service is passed over', async () => {
    const [A, B] = ['10.0.0.1:8080', '10.0.0.2:8080'];
    const gate = await fleet.startOn(store, {
      WSGATE_SERVICES: JSON.stringify({ chat: { endpoints: { static: [A, B] }, connections: 3 } }),
    });
    await gate.ops.cordon(`chat/${A}`);
    const ask = () => gate.check(checkOfService(newStream(), 'chat'));
    const admitted = (await Promise.all(Array.from({ length: 5 }, ask))).filter((each) => 'okResponse' in each);
    expect([admitted.length, await connections(gate, `chat/${A}`), await connections(gate, `chat/${B}`)]).toEqual([
      3, 0, 3,
    ]);
    await expect.poll(() => gate.fleet()).toMatchObject({ 'websocket_service_free{service="chat"}': 0 });
    await gate.ops.uncordon(`chat/${A}`);
    expect('okResponse' in (await ask())).toBe(true);
  });
});

it('a drain closes what a stream holds, so many a second, and says what is left', async () => {
  const gate = await fleet.start();
  const envoy = fleet.envoyOf(gate);
  envoy.ask(30);
  await holds(gate, 30);
  expect(await gate.ops.drain('pod1', { rate: 20, reason: 'a new kernel' })).toMatchObject({
    kind: 'cordon',
    by: 'ops',
    reason: 'a new kernel',
    drain: { rate: 20, done: null },
  });
  expect(await isAdmitted(gate)).toBe(false);
  await expect.poll(async () => (await drainOf(gate))?.done, { timeout: 15_000 }).toEqual(expect.any(String));
  expect(await drainOf(gate)).toMatchObject({ left: 0 });
  expect(envoy.closed.map(({ reason }) => reason)).toEqual(Array(30).fill('wsgate_drain'));
  const [first, last] = [envoy.closed.at(0)?.atMs ?? 0, envoy.closed.at(-1)?.atMs ?? 0];
  expect(last - first).toBeGreaterThan(1000); // 30 at 20 a second
  expect(await actions(gate)).toEqual(['pod.draining', 'pod.drained']);
  expect(await isAdmitted(gate)).toBe(false);
}, 30_000);

it('what is wrong with a request is said', async () => {
  const gate = await fleet.start();
  await expect(gate.ops.drain('pod1', { rate: 0 })).rejects.toMatchObject({
    status: 400,
    message: 'rate: expected a whole number from 1 to 1000',
  });
  await expect(gate.ops.cordon('pod 1')).rejects.toMatchObject({ status: 400 });
  await expect(gate.ops.cordon('pod1', '')).rejects.toMatchObject({
    message: 'reason: expected text of 1 to 200 characters, in one line',
  });
});
