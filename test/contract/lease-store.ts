/** What every store must do: one suite, run over each of them. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LeaseId, PodId, ProxyId } from '../../src/admission/ids.ts';
import type { Answer, LeaseStore } from '../../src/admission/lease-store.ts';
import { claims } from '../support/claims.ts';
import { gone, HOUR_MS, TIMES } from '../support/expire.ts';
import { leasesOf, newLease, pod1, pod2, proxyA, proxyB } from '../support/names.ts';

/** The value of an answer that must be one. */
export async function value<T>(answer: Promise<Answer<T>>): Promise<T> {
  const settled = await answer;
  if (!settled.ok) throw new Error(`the store is away: ${settled.why}, ${settled.detail}`);
  return settled.value;
}

/** `open` gives an empty store. */
export function describeLeaseStore(name: string, open: () => Promise<LeaseStore>): void {
  describe(`${name} store`, () => {
    let store: LeaseStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    const acquire = (pod: PodId, lease: LeaseId, limit = 100, reserveMs = HOUR_MS) =>
      value(store.acquire(claims(pod, limit), lease, reserveMs, '/chat'));
    const counts = async (pod: PodId) => {
      const { pods } = await value(store.fleet([pod]));
      const [count] = pods;
      return { connections: count?.connections, proxies: Object.fromEntries(count?.proxies ?? []) };
    };
    const held = async (pod: PodId) => (await value(store.leases(pod, 1000))).leases;

    const beat = { gate: 'gate1', proxies: [], pods: [], gateSilentMs: HOUR_MS, proxySilentMs: HOUR_MS };

    it('admits up to the limit and not one more', async () => {
      for (const lease of leasesOf(proxyA, 3)) expect(await acquire(pod1, lease, 3)).toMatchObject({ admitted: true });
      expect(await acquire(pod1, newLease(proxyB), 3)).toEqual({ admitted: false, count: 3 });
      expect(await counts(pod1)).toEqual({ connections: 3, proxies: { proxy_a: 3 } });
    });

    it('admits exactly the limit when many ask at once', async () => {
      const asked = [...leasesOf(proxyA, 150), ...leasesOf(proxyB, 150)].map((lease) => acquire(pod1, lease, 100));
      const admitted = (await Promise.all(asked)).filter((answer) => answer.admitted);
      expect(admitted).toHaveLength(100);
      expect((await counts(pod1)).connections).toBe(100);
    });

    it('tells in a reading all that was asked for before it, answered or not', async () => {
      const [first, ...others] = leasesOf(proxyA, 50) as [LeaseId, ...LeaseId[]];
      await acquire(pod1, first);
      for (let round = 0; round < 20; round += 1) {
        const asked = [
          ...others.map((lease) => acquire(pod1, lease)),
          value(store.renew(pod1, [{ lease: first }], HOUR_MS)),
        ];
        expect(await counts(pod1)).toEqual({ connections: 50, proxies: { proxy_a: 50 } });
        const released = value(store.release(pod1, others, 0));
        expect(await held(pod1)).toHaveLength(1);
        await Promise.all([...asked, released]);
      }
    });

    it('admits nobody with a limit of 0', async () => {
      expect(await acquire(pod1, newLease(proxyA), 0)).toEqual({ admitted: false, count: 0 });
    });

    it('counts a lease that is acquired twice once, even at the limit', async () => {
      const lease = newLease(proxyA);
      await acquire(pod1, lease, 1);
      expect(await acquire(pod1, lease, 1)).toEqual({ admitted: true, count: 1 });
      expect(await counts(pod1)).toEqual({ connections: 1, proxies: { proxy_a: 1 } });
    });

    it('keeps pods apart', async () => {
      const lease = newLease(proxyA);
      await acquire(pod1, lease);
      expect(await value(store.release(pod2, [lease], 0))).toBe(0);
      expect((await counts(pod1)).connections).toBe(1);
      expect(await counts(pod2)).toEqual({ connections: 0, proxies: {} });
    });

    it('frees a slot on release, once', async () => {
      const [first, second] = leasesOf(proxyA, 2) as [LeaseId, LeaseId];
      await acquire(pod1, first, 2);
      await acquire(pod1, second, 2);
      expect(await value(store.release(pod1, [first, first], 0))).toBe(1);
      expect(await value(store.release(pod1, [first], 0))).toBe(0);
      expect(await counts(pod1)).toEqual({ connections: 1, proxies: { proxy_a: 1 } });
      expect(await acquire(pod1, newLease(proxyB), 2)).toEqual({ admitted: true, count: 2 });
    });

    it('puts no lease back that has ended, for as long as it is told to remember, and then does', async () => {
      const [ended, never] = leasesOf(proxyA, 2) as [LeaseId, LeaseId];
      await acquire(pod1, ended);
      const renewals = [{ lease: ended, holder: { state: 'live', path: '/' } as const }, { lease: never }];
      expect(await value(store.release(pod1, [ended, never], HOUR_MS))).toBe(1);
      expect(await value(store.renew(pod1, renewals, HOUR_MS))).toEqual({ created: 0, count: 0 });
      expect(await held(pod1)).toEqual([]);
      expect(await counts(pod1)).toEqual({ connections: 0, proxies: {} });
      expect(await value(store.renew(pod2, renewals, HOUR_MS))).toEqual({ created: 2, count: 2 });
      await value(store.release(pod1, [ended], 20));
      await expect.poll(async () => value(store.renew(pod1, [{ lease: ended }], HOUR_MS))).toMatchObject({ count: 1 });
    });

    it('gives no slot to a lease that has ended, and says so', async () => {
      const lease = newLease(proxyA);
      await acquire(pod1, lease);
      await value(store.release(pod1, [lease], HOUR_MS));
      expect(await acquire(pod1, lease)).toEqual({ admitted: false, count: 0, ended: true });
      expect(await acquire(pod1, newLease(proxyA))).toEqual({ admitted: true, count: 1 });
      expect(await acquire(pod2, lease)).toEqual({ admitted: true, count: 1 });
    });

    it('takes a lease that was held and never told, if its last word may have been written after what its log lost', async () => {
      const [held, later, never] = leasesOf(proxyA, 3) as [LeaseId, LeaseId, LeaseId];
      const renewals = [{ lease: held, held: true }, { lease: later, held: true }, { lease: never }];
      const lastWords: number[] = [];
      for (const renewal of renewals) {
        await value(store.renew(pod1, [renewal], 1));
        lastWords.push(((await value(store.expiries(pod1, [renewal.lease])))[0] ?? 0) - TIMES.ttlMs);
      }
      await new Promise((resolve) => setTimeout(resolve, 20)); // all are past their expiry
      const [at = 0] = lastWords;
      const silence = { completeSinceMs: at - 2000, tellsHeld: true };
      const silentSince = (heldCompleteSinceMs: number) =>
        gone(proxyA).map((all) => ({ ...all, ...silence, heldCompleteSinceMs }));
      const far = await value(store.expire(pod1, silentSince(at - 1000), TIMES));
      expect(far).toMatchObject({ leases: [], overlooked: [proxyA] });
      const near = await value(store.expire(pod1, silentSince(at + 1000), TIMES));
      expect(near.leases.toSorted()).toEqual([held, later].toSorted());
      expect(near).toMatchObject({ overlooked: [proxyA], count: 1 });
    });

    it('tells once that a lease was taken out by silence and is spoken of again', async () => {
      const [lapsed, released] = leasesOf(proxyA, 2) as [LeaseId, LeaseId];
      await acquire(pod1, lapsed, 9, 1);
      await acquire(pod1, released);
      await expect.poll(async () => (await value(store.expire(pod1, gone(proxyA), TIMES))).leases).toEqual([lapsed]);
      await value(store.release(pod1, [released], 0));
      expect(await value(store.lapsed(pod1, [lapsed, released]))).toEqual([lapsed]);
      expect(await value(store.lapsed(pod1, [lapsed, released]))).toEqual([]);
    });

    it('knows when a lease expires, and that one is not there', async () => {
      const [held, never] = leasesOf(proxyA, 2) as [LeaseId, LeaseId];
      await acquire(pod1, held);
      const before = await value(store.expiries(pod1, [held, never]));
      expect(before).toEqual([expect.any(Number), undefined]);
      await value(store.renew(pod1, [{ lease: held, told: true }], 2 * HOUR_MS));
      const [after] = await value(store.expiries(pod1, [held]));
      expect(after).toBeGreaterThan(before[0] ?? 0);
    });

    it('tells what is to be closed to those who ask from then on', async () => {
      const [first, second] = leasesOf(proxyA, 2) as [LeaseId, LeaseId];
      await value(store.askToClose([{ pod: pod1, lease: first, reason: 'before' }]));
      const { timeMs, closings } = await value(store.toClose('now'));
      expect(closings).toEqual([]);
      await value(store.askToClose([{ pod: pod2, lease: second, reason: 'drain' }]));
      const asked = (await value(store.toClose(timeMs))).closings.filter(({ reason }) => reason !== 'before');
      expect(asked).toEqual([{ pod: pod2, lease: second, reason: 'drain' }]);
    });

    it('tells what is to be closed when its time has come, and not what was taken back before', async () => {
      const [soon, later, kept] = leasesOf(proxyA, 3) as [LeaseId, LeaseId, LeaseId];
      const { timeMs } = await value(store.toClose('now'));
      await value(
        store.askToClose([
          { pod: pod1, lease: soon, reason: 'drain', inMs: 150 },
          { pod: pod1, lease: kept, reason: 'drain', inMs: HOUR_MS },
          { pod: pod2, lease: later, reason: 'drain', inMs: 300 },
        ]),
      );
      const due = async () => (await value(store.toClose(timeMs))).closings.map(({ lease }) => lease);
      expect(await due()).toEqual([]);
      await expect.poll(due, { interval: 20 }).toEqual([soon]);
      await value(store.keepOpen(pod1, 'drain'));
      await expect.poll(due, { interval: 20 }).toEqual([soon, later]);
    });

    it('says of which leases a stream has been held', async () => {
      const [open, other] = leasesOf(proxyA, 2) as [LeaseId, LeaseId];
      await value(store.renew(pod1, [{ lease: open, held: true }, { lease: other }], HOUR_MS));
      const { leases } = await value(store.leases(pod1, 10));
      expect(leases.map(({ lease, held: isHeld }) => [lease, isHeld])).toEqual(
        [
          [open, true],
          [other, undefined],
        ].sort(),
      );
    });

    it('tells which proxies a gate heard, and forgets them with the gate', async () => {
      await value(store.heartbeat(beat));
      await value(store.hears('gate1', [proxyA, proxyB], []));
      await value(store.hears('gate1', [], [proxyB]));
      expect(await value(store.heardBy('gate1'))).toEqual([proxyA]);
      await value(store.leave('gate1'));
      expect(await value(store.heardBy('gate1'))).toEqual([]);
    });

    it('keeps what the fleet knows of a proxy: news of one kind leaves the others as they are', async () => {
      const promised = async (proxy: ProxyId) => (await value(store.promised([proxy]))).get(proxy);
      const { timeMs } = await value(store.heartbeat(beat));
      await value(store.tell([{ proxy: proxyA, intervalMs: 15_000, pingMs: 3000, logged: true }]));
      await value(
        store.tell([
          { proxy: proxyA, lost: 'now', stuck: timeMs - 1000 },
          { proxy: proxyB, found: true },
        ]),
      );
      await value(store.tell([{ proxy: proxyA, lost: 1, overlooked: true, distrustForMs: HOUR_MS }]));
      const known = await promised(proxyA);
      expect(known).toMatchObject({ intervalMs: 15_000, pingMs: 3000, stuckMs: timeMs - 1000, foundMs: 0 });
      expect(known?.logMs).toBeGreaterThanOrEqual(timeMs);
      expect(known?.lostMs).toBeGreaterThanOrEqual(timeMs);
      expect(known?.overlookedMs).toBeGreaterThanOrEqual(timeMs);
      expect(known?.distrustedUntilMs).toBeGreaterThanOrEqual(timeMs + HOUR_MS);
      expect((await promised(proxyB))?.foundMs).toBeGreaterThanOrEqual(timeMs);
    });

    it('tells a gate which others have still to tell what went on without the store', async () => {
      const outage = (told: boolean, trusts: boolean, sinceMs: number | 'now', thereMs = 0) => ({
        outage: { told, trusts, sinceMs, thereMs },
      });
      const first = await value(store.heartbeat({ ...beat, gate: 'gate2', ...outage(false, false, 'now') }));
      const back = await value(store.heartbeat({ ...beat, ...outage(true, false, 'now') }));
      expect(back).toMatchObject({ gatesBehind: 1, gatesDoubting: 1 });
      const gone = await value(
        store.heartbeat({ ...beat, ...outage(true, false, back.timeMs, first.timeMs + HOUR_MS) }),
      );
      expect(gone.gatesBehind).toBe(0);
      await value(store.heartbeat({ ...beat, gate: 'gate2', ...outage(true, true, 'now') }));
      expect(await value(store.heartbeat({ ...beat, ...outage(true, false, back.timeMs) }))).toMatchObject({
        gatesBehind: 0,
        gatesDoubting: 0,
      });
    });

    it('withdraws a lease that was acquired once, and none that anybody has spoken of since', async () => {
      const [once, twice, renewed, adopted] = leasesOf(proxyA, 4) as [LeaseId, LeaseId, LeaseId, LeaseId];
      for (const lease of [once, twice, renewed, twice]) await acquire(pod1, lease);
      await value(store.renew(pod1, [{ lease: renewed }, { lease: adopted }], HOUR_MS));
      expect(await value(store.withdraw(pod1, [once, twice, renewed, adopted]))).toBe(1);
      expect((await held(pod1)).map(({ lease }) => lease).toSorted()).toEqual([twice, renewed, adopted].toSorted());
      expect(await value(store.withdraw(pod1, [once]))).toBe(0);
      expect(await counts(pod1)).toEqual({ connections: 3, proxies: { proxy_a: 3 } });
      expect(await value(store.renew(pod1, [{ lease: once }], HOUR_MS))).toEqual({ created: 1, count: 4 });
    });

    it('tells when its incarnation began', async () => {
      const first = await value(store.heartbeat(beat));
      expect(first.timeMs - first.incarnationMs).toBeLessThan(5000);
      await expect.poll(async () => (await value(store.heartbeat(beat))).timeMs).toBeGreaterThan(first.timeMs);
      expect((await value(store.heartbeat(beat))).incarnationMs).toBe(first.incarnationMs);
    });

    describe('after a loss', () => {
      const waited = (gate: string, gates: number, awaitMs = HOUR_MS, incarnationMs = 1) =>
        value(store.heartbeat({ ...beat, gate, before: { gates, incarnationMs, awaitMs } }));
      /** The next millisecond, at least. */
      const aLittleLater = async ({ timeMs }: { timeMs: number }) =>
        expect.poll(async () => (await waited('gate1', 3)).timeMs).toBeGreaterThan(timeMs);

      it('waits for as many gates as there were before, and tells when the last one came back', async () => {
        const first = await waited('gate1', 3);
        expect(first.gatesAwaited).toBe(2);
        await aLittleLater(first);
        const second = await waited('gate2', 3);
        expect(second).toMatchObject({ gatesAwaited: 1, incarnationMs: first.incarnationMs });
        expect(second.gatesBackMs).toBeGreaterThan(first.gatesBackMs);
        await aLittleLater(second);
        const third = await waited('gate3', 2);
        expect(third.gatesAwaited).toBe(0);
        expect(third.gatesBackMs).toBeGreaterThan(second.gatesBackMs);
        await aLittleLater(third);
        expect(await waited('gate1', 3)).toMatchObject({ gatesAwaited: 0, gatesBackMs: third.gatesBackMs });
      });

      it('does not take a gate that is new for one that came back', async () => {
        const first = await waited('gate1', 2);
        await aLittleLater(first);
        expect(await waited('new', 0)).toMatchObject({ gatesAwaited: 1, gatesBackMs: first.gatesBackMs });
      });

      it('does not take a gate that has known of others only since then for one that came back', async () => {
        const { incarnationMs, gatesBackMs } = await waited('new', 0);
        const learned = await waited('new', 1, HOUR_MS, incarnationMs);
        expect(learned).toMatchObject({ gatesAwaited: 0, gatesBackMs });
        expect((await waited('gate1', 2)).gatesAwaited).toBe(1);
      });

      it('waits for nobody where no gate knows of another, and for no longer than it is told', async () => {
        expect(await waited('new', 0)).toMatchObject({ gatesAwaited: 0 });
        const { gatesAwaited, gatesBackMs } = await waited('gate1', 2, 200);
        expect(gatesAwaited).toBe(1);
        await expect.poll(async () => (await waited('gate1', 2, 200)).gatesAwaited).toBe(0);
        expect(await waited('gate2', 2, 200)).toMatchObject({ gatesAwaited: 0, gatesBackMs });
      });
    });

    it('leaves nothing of a pod behind when its last lease is released', async () => {
      const lease = newLease(proxyA);
      await acquire(pod1, lease);
      await value(store.release(pod1, [lease], 0));
      expect(await counts(pod1)).toEqual({ connections: 0, proxies: {} });
      expect(await held(pod1)).toEqual([]);
    });

    it('puts a renewed lease into the set, over the limit if need be, and says how many were new', async () => {
      const asked = newLease(proxyA);
      const untold = newLease(proxyB);
      await acquire(pod1, asked, 1);
      expect(await value(store.renew(pod1, [{ lease: asked }, { lease: untold }], HOUR_MS))).toEqual({
        created: 1,
        count: 2,
      });
      expect(await value(store.renew(pod1, [{ lease: asked }, { lease: untold }], HOUR_MS))).toEqual({
        created: 0,
        count: 2,
      });
      expect(await counts(pod1)).toEqual({ connections: 2, proxies: { proxy_a: 1, proxy_b: 1 } });
    });

    it('remembers who holds a lease: reserved when acquired, live when a renewal says so', async () => {
      const lease = newLease(proxyA);
      await acquire(pod1, lease);
      expect(await held(pod1)).toEqual([{ lease, holder: { state: 'reserved', path: '/chat' } }]);
      await value(store.renew(pod1, [{ lease, holder: { state: 'live', path: '/chat' } }], HOUR_MS));
      await value(store.renew(pod1, [{ lease }], HOUR_MS));
      expect(await held(pod1)).toEqual([{ lease, holder: { state: 'live', path: '/chat' } }]);
    });

    it('shows every lease exactly once over as many pages as it takes', async () => {
      const leases = leasesOf(proxyA, 500);
      await value(
        store.renew(
          pod1,
          leases.map((lease) => ({ lease })),
          HOUR_MS,
        ),
      );
      const seen: LeaseId[] = [];
      let cursor: LeaseId | undefined;
      let pages = 0;
      do {
        const page = await value(store.leases(pod1, 50, cursor));
        expect(page.leases).toHaveLength(50);
        seen.push(...page.leases.map(({ lease }) => lease));
        cursor = page.next;
        pages += 1;
      } while (cursor !== undefined);
      expect(seen).toEqual(leases.sort());
      expect(pages).toBe(10);
    });

    it('counts a lease past its expiry until it is expired', async () => {
      const lease = newLease(proxyA);
      await acquire(pod1, lease, 1, 1);
      await expect
        .poll(async () => (await value(store.expire(pod1, [], TIMES))).waiting)
        .toEqual(new Map([[proxyA, 1]]));
      expect(await acquire(pod1, newLease(proxyA), 1)).toEqual({ admitted: false, count: 1 });
      expect(await value(store.expire(pod1, gone(proxyA), TIMES))).toMatchObject({
        leases: [lease],
        waiting: new Map(),
        count: 0,
      });
      expect(await counts(pod1)).toEqual({ connections: 0, proxies: {} });
      expect(await held(pod1)).toEqual([]);
    });

    it('expires only what is past its expiry, and only of the named proxies', async () => {
      const [mine, fresh] = leasesOf(proxyA, 2) as [LeaseId, LeaseId];
      const other = newLease(proxyB);
      await acquire(pod1, mine, 9, 1);
      await acquire(pod1, other, 9, 1);
      await acquire(pod1, fresh, 9, HOUR_MS);
      await expect.poll(async () => (await value(store.expire(pod1, [], TIMES))).waiting.size).toBe(2);
      expect(await value(store.expire(pod1, gone(proxyA), TIMES))).toMatchObject({
        leases: [mine],
        waiting: new Map([[proxyB, 1]]),
        count: 2,
      });
      expect(await counts(pod1)).toEqual({ connections: 2, proxies: { proxy_a: 1, proxy_b: 1 } });
    });

    it('does not expire a lease that was renewed meanwhile', async () => {
      const lease = newLease(proxyA);
      await acquire(pod1, lease, 9, 1);
      await expect.poll(async () => (await value(store.expire(pod1, [], TIMES))).waiting.size).toBe(1);
      await value(store.renew(pod1, [{ lease }], HOUR_MS));
      expect(await value(store.expire(pod1, gone(proxyA), TIMES))).toMatchObject({
        leases: [],
        waiting: new Map(),
        count: 1,
      });
    });

    it('finds what has expired behind thousands of leases that wait for another proxy', async () => {
      const waiting = leasesOf(proxyB, 2500);
      for (let i = 0; i < waiting.length; i += 500) {
        await value(
          store.renew(
            pod1,
            waiting.slice(i, i + 500).map((lease) => ({ lease })),
            1,
          ),
        );
      }
      const mine = newLease(proxyA);
      await acquire(pod1, mine, 5000, 1);
      await expect
        .poll(async () => (await value(store.expire(pod1, [], TIMES))).waiting)
        .toEqual(
          new Map([
            [proxyA, 1],
            [proxyB, 2500],
          ]),
        );
      expect(await value(store.expire(pod1, gone(proxyA), TIMES))).toMatchObject({
        leases: [mine],
        waiting: new Map([[proxyB, 2500]]),
        count: 2500,
      });
    });

    it('lists the pods and the proxies that a heartbeat told of', async () => {
      await acquire(pod1, newLease(proxyA));
      await value(store.heartbeat({ ...beat, pods: [pod1], proxies: [proxyA, proxyB] }));
      expect(await value(store.pods())).toEqual([pod1]);
      expect([...(await value(store.proxies()))].sort()).toEqual([proxyA, proxyB]);
      const left = async () => {
        await value(store.remove('proxies', [proxyB], 5));
        return value(store.proxies());
      };
      await expect.poll(left).toEqual([proxyA]);
    });

    it('tells which proxies no gate has heard for long, and forgets them when they are removed', async () => {
      await value(store.heartbeat({ ...beat, proxies: [proxyA, proxyB] }));
      const silent = async () =>
        (await value(store.heartbeat({ ...beat, proxies: [proxyB], proxySilentMs: 20 }))).silentProxies;
      await expect.poll(silent).toEqual([proxyA]);
      await value(store.remove('proxies', [proxyA, proxyB], 20));
      expect(await silent()).toEqual([]);
    });

    it('does not remove a proxy that has been heard again', async () => {
      await value(store.heartbeat({ ...beat, proxies: [proxyA] }));
      await value(store.remove('proxies', [proxyA], HOUR_MS));
      const silent = async () => (await value(store.heartbeat({ ...beat, proxySilentMs: 5 }))).silentProxies;
      await expect.poll(silent).toEqual([proxyA]);
    });

    it('registers a proxy once: its silence begins then, and not again', async () => {
      const silent = async () => (await value(store.heartbeat({ ...beat, proxySilentMs: 20 }))).silentProxies;
      await value(store.register([proxyA]));
      await expect
        .poll(async () => {
          await value(store.register([proxyA]));
          return silent();
        })
        .toEqual([proxyA]);
    });

    it('tells which gates fell silent, but not one that has left', async () => {
      await value(store.heartbeat({ ...beat, gate: 'gate2' }));
      await value(store.heartbeat({ ...beat, gate: 'gate3' }));
      await value(store.leave('gate3'));
      await value(store.heartbeat(beat));
      const silent = async () => (await value(store.heartbeat({ ...beat, gateSilentMs: 20 }))).silentGates;
      await expect.poll(silent).toMatchObject([{ gate: 'gate2' }]);
      expect((await value(store.heartbeat({ ...beat, gateSilentMs: 20 }))).gates).toBe(1);
      expect((await value(store.heartbeat(beat))).gates).toBe(2);
    });

    it('tells which gates there are, what each has told of itself, and none that has left', async () => {
      const about = { version: '1.2.3', node: '24.0.0', startedMs: 1_800_000_000_000 };
      const { timeMs } = await value(store.heartbeat({ ...beat, about }));
      for (const gate of ['gate2', 'gate3', 'gate4']) await value(store.heartbeat({ ...beat, gate, about }));
      await value(store.heartbeat({ ...beat, gate: 'older' }));
      await value(store.leave('gate2'));
      await value(store.remove('gates', ['gate4'], HOUR_MS)); // it is not silent
      await expect
        .poll(async () => {
          await value(store.remove('gates', ['gate3'], 5));
          return (await value(store.gates())).gates.map(({ gate }) => gate).sort();
        })
        .toEqual(['gate1', 'gate4', 'older']);
      const { gates, timeMs: nowMs } = await value(store.gates());
      const gate1 = gates.find(({ gate }) => gate === 'gate1');
      expect(gate1).toEqual({ gate: 'gate1', about, seenMs: expect.any(Number) });
      expect(gate1?.seenMs).toBeGreaterThanOrEqual(timeMs);
      expect(gate1?.seenMs).toBeLessThanOrEqual(nowMs);
      expect(gates.find(({ gate }) => gate === 'older')).toEqual({ gate: 'older', seenMs: expect.any(Number) });
      await value(store.heartbeat({ ...beat, gate: 'gate2' }));
      expect((await value(store.gates())).gates.find(({ gate }) => gate === 'gate2')).not.toHaveProperty('about');
    });

    it('forgets a pod that holds nothing and that nobody has used for long, and only that', async () => {
      await acquire(pod1, newLease(proxyA));
      const lease = newLease(proxyA);
      await acquire(pod2, lease);
      await value(store.release(pod2, [lease], 0));
      await value(store.heartbeat({ ...beat, pods: [pod1, pod2] }));
      await expect
        .poll(async () => {
          await value(store.remove('pods', [pod2], 5));
          return value(store.pods());
        })
        .toEqual([pod1]);
    });

    it('tells the time in milliseconds since the epoch', async () => {
      const { timeMs } = await value(store.fleet([]));
      expect(Math.abs(timeMs - Date.now())).toBeLessThan(5000);
      expect((await value(store.heartbeat(beat))).timeMs).toBeGreaterThanOrEqual(timeMs);
    });
  });
}
