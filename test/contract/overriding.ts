/** What every store must do with overrides: the third part of the suite of `lease-store.ts`. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PodId } from '../../src/admission/ids.ts';
import type { LeaseStore } from '../../src/admission/lease-store.ts';
import { inForce, type Override, type OverrideChange } from '../../src/admission/override.ts';
import { claims } from '../support/claims.ts';
import { HOUR_MS } from '../support/expire.ts';
import { leasesOf, newLease, pod1, pod2, podsOf, proxyA, serviceId } from '../support/names.ts';
import { value } from './lease-store.ts';

const chat = serviceId('chat');
const [podA, podB] = podsOf(chat, 2) as [PodId, PodId];

/** `open` gives an empty store. */
export function describeOverriding(name: string, open: () => Promise<LeaseStore>): void {
  describe(`${name} store, with overrides`, () => {
    let store: LeaseStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    const note = { action: 'limit.set', by: 'ops' } as const;
    const limit = (pod: PodId, connections: number, more: Partial<OverrideChange> = {}): OverrideChange => ({
      kind: 'limit',
      pod,
      decision: { by: 'ops', connections },
      note: { ...note, pod },
      ...more,
    });
    const takeBack = (pod: PodId): OverrideChange => ({ kind: 'limit', pod, note: { ...note, pod } });
    /** As a gate does it. */
    const change = async (asked: OverrideChange) => {
      const done = await value(store.override(asked));
      if (done.outcome === 'done') await value(store.enforce(asked.pod, done.version, inForce(done.ofPod)));
      return done;
    };
    const acquire = (pod: PodId, configured: number, many = 1) =>
      Promise.all(
        leasesOf(proxyA, many).map((lease) => value(store.acquire(claims(pod, configured), lease, HOUR_MS, '/'))),
      );
    const admitted = async (...asked: Parameters<typeof acquire>) =>
      (await acquire(...asked)).filter((each) => each.admitted).length;
    const all = async () => (await value(store.overrides(-1))).all ?? [];

    it('judges by the override, up or down, and by the configured limit when it was taken back', async () => {
      await change(limit(pod1, 2));
      expect(await admitted(pod1, 3, 5)).toBe(2);
      await change(limit(pod1, 4));
      expect(await admitted(pod1, 3, 5)).toBe(2);
      await change(takeBack(pod1));
      expect(await admitted(pod1, 3, 5)).toBe(0);
      expect(await admitted(pod1, 5, 5)).toBe(1);
      expect(await admitted(pod2, 3, 5)).toBe(3);
    });

    it('says which override it judged by', async () => {
      await change(limit(pod1, 1));
      expect(await acquire(pod1, 3)).toEqual([{ admitted: true, count: 1, limit: 1 }]);
      expect(await acquire(pod1, 3)).toEqual([{ admitted: false, count: 1, limit: 1 }]);
      expect(await acquire(pod1, 3, 2)).toEqual(Array(2).fill({ admitted: false, count: 1, limit: 1 }));
    });

    it('ends an override of which the time has come, and tells it once', async () => {
      await change(limit(pod1, 0, { forMs: 150 }));
      expect(await admitted(pod1, 3)).toBe(0);
      await expect.poll(() => admitted(pod1, 3)).toBe(1);
      const { expired, version, all: left } = await value(store.overrides(-1));
      expect([expired, left]).toEqual([
        [{ action: 'limit.expired', by: 'wsgate', pod: pod1, atMs: expect.any(Number) }],
        [],
      ]);
      expect(await value(store.overrides(version))).toEqual({ timeMs: expect.any(Number), version, expired: [] });
    });

    it('has no end any more when it is set again without one', async () => {
      await change(limit(pod1, 0, { forMs: 150 }));
      const { timeMs } = await change(limit(pod1, 0));
      await expect.poll(async () => (await value(store.overrides(-1))).timeMs).toBeGreaterThan(timeMs + 150);
      expect(await admitted(pod1, 3)).toBe(0);
    });

    it('keeps what was decided, by whom and when, and that it was taken back', async () => {
      expect(await change(takeBack(pod1))).toMatchObject({ outcome: 'none' });
      const { version, timeMs } = await change(
        limit(pod1, 7, { decision: { by: 'ops', connections: 7, reason: 'a “leak”' } }),
      );
      const decision = { by: 'ops', connections: 7, reason: 'a “leak”' };
      expect(await all()).toEqual([{ kind: 'limit', pod: pod1, version, atMs: timeMs, decision }]);
      const back = await change(takeBack(pod1));
      expect(back.version).toBeGreaterThan(version);
      const untilMs = expect.any(Number);
      const gone = { kind: 'limit', pod: pod1, version: back.version, atMs: back.timeMs, untilMs };
      expect(await all()).toEqual([gone]);
      expect(back.ofPod).toEqual([gone]);
      expect(await change(takeBack(pod1))).toMatchObject({ outcome: 'none' });
    });

    it('lets no earlier state take the place of a later one', async () => {
      const first = await value(store.override(limit(pod1, 1)));
      const second = await change(limit(pod1, 2));
      await value(store.enforce(pod1, first.version, inForce(first.ofPod)));
      expect(await admitted(pod1, 9, 5)).toBe(2);
      const older: Override = { ...(first.ofPod[0] as Override) };
      await value(store.putBack([older]));
      expect(await all()).toEqual(second.ofPod);
    });

    it('takes back what it has lost, and not what was taken back since', async () => {
      const lost = [
        { kind: 'limit', pod: pod1, version: 5, atMs: 5, decision: { by: 'ops', connections: 1 } },
        { kind: 'limit', pod: pod2, version: 6, atMs: 6, decision: { by: 'ops', connections: 2 } },
      ] as const;
      await change(limit(pod2, 9));
      const { version, ofPod } = await change(takeBack(pod2));
      await value(store.putBack(lost));
      expect(new Set(await all())).toEqual(new Set([lost[0], ...ofPod]));
      expect((await value(store.overrides(-1))).version).toBeGreaterThan(version);
    });

    it('has an audit trail, the newest first', async () => {
      await change(limit(pod1, 1, { note: { action: 'limit.set', by: 'ops', pod: pod1, connections: 1 } }));
      await change({ ...takeBack(pod1), note: { action: 'limit.deleted', by: 'dev', pod: pod1 } });
      const atMs = expect.any(Number);
      expect(await value(store.audit(10))).toEqual([
        { action: 'limit.deleted', by: 'dev', pod: pod1, atMs },
        { action: 'limit.set', by: 'ops', pod: pod1, connections: 1, atMs },
      ]);
      expect(await value(store.audit(1))).toHaveLength(1);
    });

    describe('of pods of a service', () => {
      const enrol = () =>
        value(
          store.enrol(
            chat,
            new Map([
              [podA, 3],
              [podB, 3],
            ]),
          ),
        );
      const place = async (many: number) => {
        const placed = await Promise.all(
          leasesOf(proxyA, many).map((lease) => value(store.place(chat, lease, HOUR_MS, '/'))),
        );
        return placed.filter((each) => each.placed).length;
      };
      const counts = async () => (await value(store.fleet([podA, podB]))).pods.map(({ connections }) => connections);

      it('places by the override, and by the configured limit when it was taken back', async () => {
        await enrol();
        await change(limit(podA, 1));
        expect([await place(9), await counts()]).toEqual([4, [1, 3]]);
        await change(limit(podA, 5));
        expect([await place(9), await counts()]).toEqual([4, [5, 3]]);
        await change(takeBack(podA));
        await value(store.release(podA, [newLease(proxyA)], 0));
        expect([await place(9), await counts()]).toEqual([0, [5, 3]]);
      });

      it('keeps the override when the pods are told again, and when it came before them', async () => {
        await change(limit(podA, 1));
        await enrol();
        await enrol();
        expect([await place(9), await counts()]).toEqual([4, [1, 3]]);
      });

      it('judges an upgrade for a named pod by its override', async () => {
        await enrol();
        await change(limit(podA, 1));
        expect(await acquire(podA, 3, 2)).toEqual([
          { admitted: true, count: 1, limit: 1 },
          { admitted: false, count: 1, limit: 1 },
        ]);
      });
    });
  });
}
