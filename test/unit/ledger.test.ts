import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LeaseId, PodId } from '../../src/admission/ids.ts';
import type { OutagePolicy } from '../../src/admission/outage.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { value } from '../contract/lease-store.ts';
import { makeGate, TTL_MS } from '../model/model-gate.ts';
import { leasesOf, newLease, pod1, pod2, proxyA } from '../support/names.ts';

/** A store that takes its time for renewals. */
class SlowStore extends MemoryStore {
  readonly #answer = Promise.withResolvers<void>();

  override async renew(...args: Parameters<MemoryStore['renew']>): ReturnType<MemoryStore['renew']> {
    await this.#answer.promise;
    return super.renew(...args);
  }

  answer(): void {
    this.#answer.resolve();
  }
}

it('the ledger holds a pod and a proxy for as long as it has a connection of them', () => {
  const { ledger, holdings } = makeGate(() => new MemoryStore(Date.now), 'deny', 0);
  const holds = () => [holdings.holdsPod(pod1), holdings.holdsPod(pod2), holdings.holdsProxy(proxyA)];
  const stream = ledger.streams.open(proxyA);
  const [first, second, third] = [newLease(proxyA), newLease(proxyA), newLease(proxyA)];
  const see = (pod: PodId, lease: LeaseId) =>
    ledger.entries.seen(stream, { pod, lease, path: '/', state: 'live', periodic: false });
  expect(holds()).toEqual([false, false, false]);
  for (const lease of [first, first, second]) see(pod1, lease);
  see(pod2, third);
  expect(holds()).toEqual([true, true, true]);
  ledger.releases.ended({ pod: pod1, lease: first });
  expect(holds()).toEqual([true, true, true]);
  ledger.releases.ended({ pod: pod1, lease: second });
  expect(holds()).toEqual([false, true, true]);
  ledger.streams.close(stream); // it may live on
  expect(holds()).toEqual([false, true, true]);
  ledger.releases.ended({ pod: pod2, lease: third });
  expect(holds()).toEqual([false, false, false]);
});

it('a flush also writes what became due while the one before it was under way', async () => {
  const store = new SlowStore(Date.now);
  const { ledger } = makeGate(() => store, 'deny', 0);
  const stream = ledger.streams.open(proxyA);
  const see = () =>
    ledger.entries.seen(stream, { pod: pod1, lease: newLease(proxyA), path: '/', state: 'live', periodic: false });
  see();
  const first = ledger.flush();
  see();
  const second = ledger.flush();
  store.answer();
  await Promise.all([first, second]);
  expect(await store.fleet([pod1])).toMatchObject({ ok: true, value: { pods: [{ connections: 2 }] } });
});

describe('held streams that were opened at once', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('renew in turns, and each in time', async () => {
    const store = new MemoryStore(() => 1_800_000_000_000 + performance.now());
    const renew = vi.spyOn(store, 'renew');
    const { ledger } = makeGate(() => store, 'deny', 0);
    const leases = leasesOf(proxyA, 600);
    for (const lease of leases) ledger.holds.open({ pod: pod1, lease, path: '/', close: () => {} });
    const renewedAtMs = new Map(leases.map((lease) => [lease, 0]));
    const counts: number[] = [];
    const waitedMs: number[] = [];
    for (let nowMs = 0; nowMs < 4 * TTL_MS; nowMs += 1000) {
      await ledger.flush();
      const renewed = renew.mock.calls.splice(0).flatMap(([, renewals]) => renewals.map(({ lease }) => lease));
      for (const lease of renewed) {
        waitedMs.push(nowMs - (renewedAtMs.get(lease) ?? 0));
        renewedAtMs.set(lease, nowMs);
      }
      counts.push(renewed.length);
      vi.advanceTimersByTime(1000);
    }
    // The first time, all of them are written at once.
    expect(Math.max(...counts.slice(1))).toBeLessThanOrEqual(Math.ceil((600 * 1000) / (TTL_MS / 4)));
    expect(Math.max(...waitedMs)).toBeLessThanOrEqual(TTL_MS / 2 + 1000);
    expect(Math.min(...renewedAtMs.values())).toBeGreaterThan(3 * TTL_MS);
  });

  it('renew in time even if most of them end', async () => {
    const store = new MemoryStore(() => 1_800_000_000_000 + performance.now());
    const renew = vi.spyOn(store, 'renew');
    const { ledger } = makeGate(() => store, 'deny', 0);
    const held = leasesOf(proxyA, 600).map((lease) => ({ pod: pod1, lease, path: '/', close: () => {} }));
    for (const each of held) ledger.holds.open(each);
    const last = held.at(-1)?.lease;
    let renewedAtMs = 0;
    for (let nowMs = 0; nowMs < 2 * TTL_MS; nowMs += 1000) {
      await ledger.flush();
      const renewed = new Set(renew.mock.calls.splice(0).flatMap(([, renewals]) => renewals.map(({ lease }) => lease)));
      if (last && renewed.has(last)) renewedAtMs = nowMs;
      expect(nowMs - renewedAtMs).toBeLessThanOrEqual(TTL_MS / 2 + 1000);
      // Whoever had a turn is gone: fewer and fewer have turns, and those that wait are not fewer.
      if (nowMs > 0)
        for (const each of held) if (each.lease !== last && renewed.has(each.lease)) ledger.holds.ended(each);
      vi.advanceTimersByTime(1000);
    }
  });
});

describe('a connection in the ledger', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  const open = async (outage: OutagePolicy = 'deny') => {
    let store = new MemoryStore(() => 1_800_000_000_000 + performance.now());
    const gate = makeGate(() => store, outage, 0);
    await gate.reaper.beat();
    const lost = async () => {
      vi.advanceTimersByTime(1);
      store = new MemoryStore(() => 1_800_000_000_000 + performance.now());
      gate.store.cut('now');
      gate.store.mend();
    };
    const held = async () => (await value(store.leases(pod1, 100))).leases.map(({ lease }) => lease);
    const pass = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 1000) {
        vi.advanceTimersByTime(1000);
        await gate.ledger.flush();
        await gate.reaper.beat();
      }
    };
    return { gate, held, lost, pass, store: () => store };
  };
  const seen = (lease: LeaseId, periodic = true) => ({ pod: pod1, lease, path: '/', state: 'live', periodic }) as const;

  it('is written even if the stream that spoke of it breaks before', async () => {
    const { gate, held } = await open();
    const lease = newLease(proxyA);
    const stream = gate.ledger.streams.open(proxyA);
    gate.ledger.entries.seen(stream, seen(lease));
    gate.ledger.streams.close(stream);
    await gate.ledger.flush();
    expect(await held()).toEqual([lease]);
  });

  it('is told to a store that lost everything while the proxy reaches no gate, however long that lasts', async () => {
    const { gate, held, lost, pass } = await open();
    const leases = leasesOf(proxyA, 3);
    const stream = gate.ledger.streams.open(proxyA);
    for (const lease of leases) gate.ledger.entries.seen(stream, seen(lease));
    await pass(2000);
    gate.ledger.streams.close(stream);
    await pass(3 * TTL_MS);
    await lost();
    await pass(3000);
    expect((await held()).toSorted()).toEqual(leases.toSorted());
  });

  it('that gates admitted alone stays until the store has it, even if their streams break meanwhile', async () => {
    const { gate, held, pass } = await open('allow');
    await pass(10_000);
    gate.store.cut('now');
    const lease = newLease(proxyA);
    await gate.gate.admit({ pod: pod1, lease, path: '/' });
    const stream = gate.ledger.streams.open(proxyA);
    gate.ledger.entries.seen(stream, seen(lease, false));
    gate.ledger.streams.close(stream); // it retreats
    await pass(3 * TTL_MS);
    gate.store.mend();
    await pass(2000);
    expect(await held()).toEqual([lease]);
  });

  it('is forgotten when another gate has renewed it since its stream broke, or the store has no lease of it', async () => {
    const { gate, pass, store } = await open();
    const [moved, ended, silent] = leasesOf(proxyA, 3) as [LeaseId, LeaseId, LeaseId];
    const stream = gate.ledger.streams.open(proxyA);
    for (const lease of [moved, ended, silent]) gate.ledger.entries.seen(stream, seen(lease));
    await pass(2000);
    gate.ledger.streams.close(stream);
    await pass(TTL_MS / 2);
    await store().renew(pod1, [{ lease: moved, told: true }], TTL_MS);
    await store().release(pod1, [ended], TTL_MS);
    await pass(TTL_MS / 2);
    expect(gate.ledger.entries.size).toBe(1);
    expect(gate.holdings.holdsPod(pod1) && gate.holdings.holdsProxy(proxyA)).toBe(true);
  });

  it('is not written again because the lease of another was freed by hand', async () => {
    const { gate, held, pass, store } = await open();
    const leases = leasesOf(proxyA, 5);
    const stream = gate.ledger.streams.open(proxyA);
    for (const lease of leases) gate.ledger.entries.seen(stream, seen(lease));
    await pass(2000);
    const [freed] = leases as [LeaseId];
    const renew = vi.spyOn(store(), 'renew');
    await store().release(pod1, [freed], 0); // at another gate
    gate.ledger.entries.seen(stream, seen(freed));
    await pass(3000);
    expect((await held()).toSorted()).toEqual(leases.toSorted());
    expect(renew.mock.calls.map(([, renewals]) => renewals.length)).toEqual([1]);
  });

  it('is written again when the leases of its pod are gone from the store', async () => {
    const { gate, held, pass, store } = await open();
    const leases = leasesOf(proxyA, 5);
    const stream = gate.ledger.streams.open(proxyA);
    for (const lease of leases) gate.ledger.entries.seen(stream, seen(lease));
    await pass(2000);
    await store().release(pod1, leases, 0);
    const [first] = leases as [LeaseId];
    gate.ledger.entries.seen(stream, seen(first));
    await pass(3000);
    expect((await held()).toSorted()).toEqual(leases.toSorted());
  });

  it('stays closed: a late question for its lease does not take the release back', async () => {
    const { gate, held, pass } = await open('allow');
    await pass(10_000);
    const lease = newLease(proxyA);
    await gate.gate.admit({ pod: pod1, lease, path: '/' });
    gate.store.cut('now');
    gate.ledger.releases.ended({ pod: pod1, lease });
    gate.ledger.releases.takeBack(pod1, lease); // asked for again
    gate.store.mend();
    await pass(2000);
    expect(await held()).toEqual([]);
  });
});
