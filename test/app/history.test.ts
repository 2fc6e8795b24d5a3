import { afterEach, describe, expect, it } from 'vitest';
import { type PodId, parsePodId } from '../../src/admission/ids.ts';
import type { Answer } from '../../src/admission/lease-store.ts';
import type { FleetSnapshot } from '../../src/fleet/fleet-view.ts';
import { LastHour } from '../../src/http/last-hour.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0)) await each();
});

const podId = (text: string): PodId => {
  const pod = parsePodId(text);
  if (!pod) throw new Error(text);
  return pod;
};

const counted = (counts: Readonly<Record<string, number>>): Answer<FleetSnapshot> => ({
  ok: true,
  value: {
    services: [],
    proxies: [],
    timeMs: 0,
    pods: Object.entries(counts).map(([pod, connections]) => ({
      pod: podId(pod),
      connections,
      limit: 10,
      proxies: new Map(),
    })),
  },
});

/** Watches what the test says the fleet holds. */
function watch(stepMs: number, first: Answer<FleetSnapshot>) {
  let now = first;
  let told = { admitted: 0, denied: 0, released: 0 };
  const lastHour = new LastHour({ fleet: { fresh: async () => now }, told: () => told }, stepMs);
  undo.push(() => lastHour.stop());
  lastHour.start();
  const becomes = (next: Answer<FleetSnapshot>) => {
    now = next;
  };
  const tells = (more: Partial<typeof told>) => {
    told = { ...told, ...more };
  };
  const counts = (pod: string) => lastHour.of([podId(pod)]).pods.get(podId(pod)) ?? [];
  return { lastHour, counts, becomes, tells };
}

describe('the last hour', () => {
  it('has what pods held, oldest first, and null from before they were known', async () => {
    const { counts, becomes } = watch(50, counted({ a: 1 }));
    await expect.poll(() => counts('a')).toContain(1);
    becomes(counted({ a: 2, b: 3 }));
    await expect.poll(() => counts('a')).toContain(2);
    expect(counts('a').indexOf(1)).toBeLessThan(counts('a').indexOf(2));
    expect(counts('b')[0]).toBeNull();
    expect(counts('b')).toContain(3);
  });

  it('has null where the store did not answer', async () => {
    const { counts, becomes } = watch(20, counted({ a: 1 }));
    await expect.poll(() => counts('a')).toContain(1);
    becomes({ ok: false, why: 'disconnected', detail: 'cut off', maybeDone: false });
    await expect.poll(() => counts('a').at(-1)).toBeNull();
    becomes(counted({ a: 4 }));
    await expect.poll(() => counts('a').at(-1)).toBe(4);
    expect(counts('a').slice(counts('a').lastIndexOf(1))).toContain(null);
  });

  it('has how many connections a second came, were refused and went, and null for the first point', async () => {
    const { lastHour, tells } = watch(500, counted({})); // a machine that stalls for longer leaves a gap
    await expect.poll(() => lastHour.of().rates.admitted).toContain(0);
    expect(lastHour.of().rates.admitted[0]).toBeNull();
    tells({ admitted: 3, denied: 1 });
    await expect.poll(() => lastHour.of().rates.admitted).toContain(6);
    const { rates, pods } = lastHour.of([podId('a')]);
    expect(rates.denied.indexOf(2)).toBe(rates.admitted.indexOf(6));
    expect(rates.released).not.toContain(2);
    expect(rates.admitted).toHaveLength(pods.get(podId('a'))?.length ?? 0);
  });

  it('is an hour of 120 points, and says since when', async () => {
    const { lastHour, counts } = watch(2, counted({ a: 1 }));
    const { sinceMs } = lastHour.of();
    await expect.poll(() => lastHour.of().sinceMs).toBeGreaterThan(sinceMs + 100);
    expect(counts('a')).toHaveLength(120);
    const { timeMs, sinceMs: moved, stepMs } = lastHour.of();
    expect(timeMs - moved).toBeCloseTo(119 * stepMs, 0);
  });

  it('has at most 1,000 pods, those with the least room', async () => {
    const many = Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`p${index}`, index]));
    const { lastHour } = watch(1000, counted(many));
    await expect.poll(() => lastHour.of().pods.size).toBe(1000);
    expect(lastHour.of().pods.has(podId('p500'))).toBe(true);
    expect(lastHour.of().pods.has(podId('p499'))).toBe(false);
  });
});

describe('GET /v1/history', () => {
  const started = async (env: Record<string, string>): Promise<TestApp> => {
    const gate = await startTestApp(env);
    undo.push(() => gate.stop());
    return gate;
  };
  const json = async (gate: TestApp, path: string) => (await (await gate.get(path)).json()) as { pods: object };

  it('tells the last hour of all pods, or of those that one names', async () => {
    const gate = await started({ WSGATE_LIMITS_PODS: '{one: {connections: 5}, two: {connections: 5}}' });
    await expect.poll(() => json(gate, '/v1/history')).toMatchObject({ pods: { one: [0], two: [0] } });
    const date = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(await json(gate, '/v1/history?pods=two,never-seen')).toEqual({
      time: date,
      stepSeconds: 30,
      since: date,
      pods: { two: [0], 'never-seen': [null] },
      rates: { admitted: [null], denied: [null], released: [null] },
    });
  });

  it('says what is wrong with a bad name', async () => {
    const gate = await started({});
    expect(await json(gate, '/v1/history?pods=a%20b')).toMatchObject({
      status: 400,
      detail: expect.stringContaining('"a b" is no pod id'),
    });
  });

  it('wants a token where there is one, and a hub', async () => {
    const guarded = await started({ WSGATE_HTTP_TOKENS: 'a-token-of-thirty-two-characters' });
    expect((await guarded.get('/v1/history')).status).toBe(401);
    const without = await started({ WSGATE_HUB_ENABLED: 'false' });
    expect((await without.get('/v1/history')).status).toBe(404);
  });
});
