/** Limits that are changed while gates run, over the API. */

import { afterEach, describe, expect, it } from 'vitest';
import type { ApiError, SetLimit } from '../../src/client/api.ts';
import type { TestApp } from '../support/app.ts';
import { admitted, isAdmitted, Operated } from '../support/operated.ts';

const fleet = new Operated();
afterEach(() => fleet.stop());

const LIMIT = { WSGATE_LIMITS_DEFAULT_CONNECTIONS: '3' };

describe.each(['embedded', 'redis'])('on the %s store', (store) => {
  it('a limit is set, told with who set it and why, and taken back', async () => {
    const gate = await fleet.startOn(store, LIMIT);
    const { ops } = gate;
    const set = await ops.setLimit('pod1', { connections: 1, reason: 'it leaks' });
    const override = {
      kind: 'limit',
      pod: 'pod1',
      connections: 1,
      by: 'ops',
      at: expect.any(String),
      until: null,
      reason: 'it leaks',
    };
    const told = { pod: 'pod1', limit: 1, configured: 3, overrides: [override] };
    expect(set).toEqual({ ...told, unknown: true });
    expect(await ops.limit('pod1')).toEqual(told);
    expect(await ops.overrides()).toEqual({ overrides: [override] });
    expect(await admitted(gate, 5)).toBe(1);
    expect(await ops.pod('pod1')).toMatchObject({ connections: 1, limit: 1 });
    await expect.poll(() => gate.fleet()).toMatchObject({ 'websocket_pod_limit{pod_id="pod1"}': 1 });

    const back = await ops.deleteLimit('pod1');
    expect(back).toEqual({ pod: 'pod1', limit: 3, configured: 3, overrides: [] });
    expect(await ops.overrides()).toEqual({ overrides: [] });
    expect(await admitted(gate, 5)).toBe(2);
    await expect(ops.deleteLimit('pod1')).rejects.toMatchObject({ status: 404, message: 'pod1: nothing to take back' });
    const time = expect.any(String);
    expect(await ops.audit(10)).toEqual({
      entries: [
        { time, action: 'limit.deleted', by: 'ops', pod: 'pod1' },
        { time, action: 'limit.set', by: 'ops', pod: 'pod1', connections: 1, reason: 'it leaks' },
      ],
    });
    expect(gate.logLines).toContainEqual(
      expect.objectContaining({ action: 'limit.set', by: 'ops', pod: 'pod1', connections: 1 }),
    );
  });
});

it('a limit ends by itself', async () => {
  const gate = await fleet.start(LIMIT);
  const { ops } = gate;
  const { overrides } = await ops.setLimit('pod1', { connections: 0, forSeconds: 1 });
  expect(overrides.map(({ at, until }) => Date.parse(until ?? '') - Date.parse(at))).toEqual([1000]);
  expect(await isAdmitted(gate)).toBe(false);
  await expect.poll(() => isAdmitted(gate), { timeout: 5000 }).toBe(true);
  await expect.poll(async () => (await ops.limit('pod1')).limit).toBe(3);
  await expect
    .poll(async () => (await ops.audit(1)).entries)
    .toMatchObject([{ action: 'limit.expired', by: 'wsgate', pod: 'pod1' }]);
});

it('what is wrong with a request is said', async () => {
  const gate = await fleet.start(LIMIT);
  const put = async (pod: string, body: object) => {
    const { status, message } = await gate.ops.setLimit(pod, body as SetLimit).then(
      () => ({ status: 200, message: '' }),
      (error: ApiError) => error,
    );
    return [status, message];
  };
  expect(await put('pod1', { connections: -1 })).toEqual([
    400,
    'connections: expected a whole number from 0 to 1000000',
  ]);
  expect(await put('pod1', { connections: 1, until: 'noon' })).toEqual([400, 'there is no until']);
  expect(await put('pod1', { connections: 1, reason: 'two\nlines' })).toEqual([
    400,
    'reason: expected text of 1 to 200 characters, in one line',
  ]);
  expect(await put('pod 1', { connections: 1 })).toMatchObject([400, expect.stringContaining('"pod 1" is no pod id')]);
});

it('a limit that is changed at one gate holds at all of them, and at one that starts', async () => {
  const env = await fleet.onRedis();
  const [first, second] = [await fleet.start({ ...env, ...LIMIT }), await fleet.start({ ...env, ...LIMIT })];
  await first.ops.setLimit('pod1', { connections: 1 });
  expect([await admitted(second, 3), await admitted(first, 3)]).toEqual([1, 0]);
  await expect.poll(async () => (await second.ops.limit('pod1')).limit).toBe(1);
  const third = await fleet.start({ ...env, ...LIMIT });
  expect(await admitted(third, 3)).toBe(0);
  await expect.poll(async () => (await third.ops.limit('pod1')).limit).toBe(1);
  await third.ops.deleteLimit('pod1');
  expect(await admitted(first, 3)).toBe(2);
});

interface Judged {
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly isAdmitted: boolean;
}

/** Has so many upgrades under way at each of these gates, all the time, until it is stopped. */
function keepAsking(of: readonly TestApp[], atOnce: number) {
  const judged: Judged[] = [];
  let stopped = false;
  const worker = async (gate: TestApp) => {
    while (!stopped) {
      const askedMs = performance.now();
      const isIn = await isAdmitted(gate);
      judged.push({ askedMs, answeredMs: performance.now(), isAdmitted: isIn });
    }
  };
  const workers = of.flatMap((gate) => Array.from({ length: atOnce }, () => worker(gate)));
  return {
    judged,
    async stop() {
      stopped = true;
      await Promise.all(workers);
    },
  };
}

it('no upgrade that is asked after the answer is judged by the old limit, however many are under way at two gates', async () => {
  const env = await fleet.onRedis();
  const [first, second] = [
    await fleet.start({ ...env, WSGATE_LIMITS_DEFAULT_CONNECTIONS: '1000000' }),
    await fleet.start({ ...env, WSGATE_LIMITS_DEFAULT_CONNECTIONS: '1000000' }),
  ];
  const upgrades = keepAsking([first, second], 10);
  const spans: { readonly fromMs: number; readonly toMs: number; readonly isOpen: boolean }[] = [];
  for (let round = 0; round < 10; round += 1) {
    const { ops } = round % 4 < 2 ? first : second;
    const isOpen = round % 2 === 1;
    await (isOpen ? ops.deleteLimit('pod1') : ops.setLimit('pod1', { connections: 0 }));
    const fromMs = performance.now();
    const asked = () => upgrades.judged.filter(({ askedMs }) => askedMs > fromMs).length;
    await expect.poll(asked, { interval: 10, timeout: 5000 }).toBeGreaterThan(20);
    spans.push({ fromMs, toMs: performance.now(), isOpen });
  }
  await upgrades.stop();
  const within = spans.flatMap(({ fromMs, toMs, isOpen }) =>
    upgrades.judged
      .filter(({ askedMs, answeredMs }) => askedMs > fromMs && answeredMs < toMs)
      .map(({ isAdmitted: isIn }) => isIn === isOpen),
  );
  expect(within.filter((isRight) => !isRight)).toEqual([]);
  expect(within.length).toBeGreaterThan(200);
}, 20_000);
