/** Drains that end early, are stopped, or lose a gate. */

import { afterEach, describe, expect, it } from 'vitest';
import type { OverrideBody } from '../../../src/http/bodies.ts';
import { holds, isAdmitted, Operated, type OperatedGate } from '../../support/operated.ts';

const fleet = new Operated();
afterEach(() => fleet.stop());

const connections = async ({ ops }: OperatedGate, pod: string) => (await ops.pod(pod)).connections;
const cordonOf = async ({ ops }: OperatedGate, pod = 'pod1'): Promise<OverrideBody | undefined> =>
  (await ops.pod(pod)).overrides?.find(({ kind }) => kind === 'cordon');
const drainOf = async (gate: OperatedGate) => (await cordonOf(gate))?.drain;
const actions = async ({ ops }: OperatedGate) => (await ops.audit(100)).entries.map(({ action }) => action).reverse();

describe.each(['embedded', 'redis'])('on the %s store', (store) => {
  it('a drain closes what a stream holds, so many a second, and says once what is left', async () => {
    const gate = await fleet.startOn(store);
    const envoy = fleet.envoyOf(gate);
    envoy.ask(30);
    for (let i = 0; i < 2; i += 1) expect(await isAdmitted(gate)).toBe(true); // nobody holds these
    await holds(gate, 32);
    expect(await gate.ops.drain('pod1', { rate: 20, reason: 'a new kernel' })).toMatchObject({
      kind: 'cordon',
      by: 'ops',
      reason: 'a new kernel',
      drain: { rate: 20, done: null },
    });
    expect(await isAdmitted(gate)).toBe(false);
    await expect.poll(async () => (await drainOf(gate))?.done, { timeout: 15_000 }).toEqual(expect.any(String));
    expect(await drainOf(gate)).toMatchObject({ left: 2 });
    expect(await connections(gate, 'pod1')).toBe(2);
    expect(envoy.closed.map(({ reason }) => reason)).toEqual(Array(30).fill('wsgate_drain'));
    const [first, last] = [envoy.closed.at(0)?.atMs ?? 0, envoy.closed.at(-1)?.atMs ?? 0];
    expect(last - first).toBeGreaterThan(1000); // 30 at 20 a second
    expect(await actions(gate)).toEqual(['pod.draining', 'pod.drained']);
    expect((await gate.ops.audit(1)).entries).toMatchObject([{ action: 'pod.drained', pod: 'pod1', left: 2 }]);
    expect(await isAdmitted(gate)).toBe(false);
  }, 30_000);

  it('a drain that is stopped closes no more, and its pod stays cordoned', async () => {
    const gate = await fleet.startOn(store);
    const envoy = fleet.envoyOf(gate);
    envoy.ask(20);
    await holds(gate, 20);
    await gate.ops.drain('pod1', { rate: 10 });
    await expect.poll(() => envoy.closed.length, { timeout: 10_000, interval: 20 }).toBeGreaterThan(0);
    await expect(gate.ops.cordon('pod1')).rejects.toMatchObject({ status: 409 });
    expect(await gate.ops.stopDrain('pod1')).not.toHaveProperty('drain');
    const { length } = envoy.closed;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(envoy.closed.length).toBeLessThanOrEqual(length + 3); // those that were due already
    expect(await isAdmitted(gate)).toBe(false);
    await expect(gate.ops.stopDrain('pod1')).rejects.toMatchObject({ status: 404, message: 'pod1: no drain to stop' });
    await gate.ops.drain('pod1', { rate: 1 });
    await gate.ops.uncordon('pod1');
    expect(await isAdmitted(gate)).toBe(true);
  }, 30_000);
});

it('a drain goes on when the gate that was asked for it is gone, and is told once', async () => {
  const env = await fleet.onRedis();
  const [first, second] = [await fleet.start(env), await fleet.start(env)];
  const envoy = fleet.envoyOf(second);
  envoy.ask(20);
  await holds(second, 20);
  await first.ops.drain('pod1', { rate: 10 });
  await fleet.end(first);
  const third = await fleet.start(env);
  await expect.poll(async () => (await drainOf(third))?.done, { timeout: 20_000 }).toEqual(expect.any(String));
  expect(envoy.closed).toHaveLength(20);
  expect(await connections(second, 'pod1')).toBe(0);
  expect((await actions(second)).filter((action) => action === 'pod.drained')).toHaveLength(1);
}, 40_000);
