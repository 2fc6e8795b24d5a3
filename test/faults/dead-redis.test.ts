/** How long an upgrade waits for its answer when Redis dies, while it is dead, and when it is back: as Envoy sees it. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Gate, startGate } from '../../scripts/fleet/gate.ts';
import { type RedisServer, startRedis } from '../../scripts/fleet/redis.ts';
import { FuzzedEnvoy as EnvoyCalls, encodeCheck } from '../../scripts/fuzz/envoy.ts';
import { checkOf, streamOf } from '../../scripts/fuzz/messages.ts';

const DEADLINE_MS = 300;
/** What gRPC, and a machine that is busy with other tests, may add to a timer of the gate. */
const SLACK_MS = 200;
const BREAKER_MS = 5;
/** Where that much is nothing: times what an upgrade takes while Redis answers. */
const BUSY = 2;
const ASKED = 100;
const NOTICED_MS = 2_000;
const DEAD_MS = 3_000;
const TIMEOUT_MS = 60_000;

let redis: RedisServer;
let gate: Gate;
let envoy: EnvoyCalls;
let checks = 0;

beforeEach(async () => {
  redis = await startRedis();
  gate = await startGate({
    config: {
      store: { url: redis.url, deadline: `${DEADLINE_MS}ms` },
      lease: { recovery: '0s' }, // a Redis that is back is asked at once, empty or not
      limits: { default: { connections: 1_000 } },
      outage: { policy: 'deny' },
    },
  });
  envoy = new EnvoyCalls(gate.grpc, 'proxy_a');
});
afterEach(async () => {
  envoy.close();
  await gate.stop();
  await redis.stop();
});

/** One upgrade: who decided, and how long it took. */
async function upgrade(): Promise<{ by: 'store' | 'outage'; ms: number }> {
  checks += 1;
  const request = encodeCheck(checkOf(streamOf(checks), 'pod1'));
  const askedAt = performance.now();
  const answer = await envoy.check(request);
  const ms = performance.now() - askedAt;
  if ('okResponse' in answer) return { by: 'store', ms };
  expect(answer).toMatchObject({ deniedResponse: { body: expect.stringContaining('STORE_UNAVAILABLE') } });
  return { by: 'outage', ms };
}

/** One after the other, all decided alike: how long each took. */
async function upgrades(by: 'store' | 'outage', count: number): Promise<number[]> {
  const took: number[] = [];
  while (took.length < count) {
    const answer = await upgrade();
    expect(answer.by).toBe(by);
    took.push(answer.ms);
  }
  return took;
}

describe.each([
  {
    death: 'was killed',
    dies: () => redis.kill(),
    returns: () => redis.again(),
  },
  {
    death: 'hangs',
    dies: async () => redis.signal('SIGSTOP'),
    returns: async () => redis.signal('SIGCONT'),
  },
])('when Redis $death', ({ dies, returns }) => {
  it(
    'the first upgrade is answered within the deadline, the next ones in under 5 ms, and its return is noticed within 2 s',
    async () => {
      const alive = await upgrades('store', ASKED);

      await dies();
      const diedAt = performance.now();
      const first = await upgrade();
      expect(first.by).toBe('outage');
      expect(first.ms).toBeLessThan(DEADLINE_MS + SLACK_MS);

      const dead = await upgrades('outage', ASKED);
      expect(median(dead)).toBeLessThan(Math.max(BREAKER_MS, BUSY * median(alive)));
      // Long enough for a client that waits longer and longer between its attempts to be at its longest.
      await expect.poll(() => performance.now() - diedAt, { timeout: 10_000 }).toBeGreaterThan(DEAD_MS);

      await returns();
      const returnedAt = performance.now();
      await expect.poll(async () => (await upgrade()).by, { timeout: 10_000, interval: 10 }).toBe('store');
      expect(performance.now() - returnedAt).toBeLessThan(NOTICED_MS);
    },
    TIMEOUT_MS,
  );
});

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;
}
