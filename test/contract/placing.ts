/** What every store must do with the pods of a service: the second part of the suite of `lease-store.ts`. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LeaseId, PodId } from '../../src/admission/ids.ts';
import type { Choice, LeaseStore, Order, Placed } from '../../src/admission/lease-store.ts';
import { claims } from '../support/claims.ts';
import { gone, HOUR_MS, TIMES } from '../support/expire.ts';
import { leasesOf, newLease, podsOf, proxyA, proxyB, serviceId } from '../support/names.ts';
import { value } from './lease-store.ts';

const chat = serviceId('chat');
const [podA, podB, podC] = podsOf(chat, 3) as [PodId, PodId, PodId];

/** `open` gives an empty store. */
export function describePlacing(name: string, open: () => Promise<LeaseStore>): void {
  describe(`${name} store, for a service`, () => {
    let store: LeaseStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    const enrol = (limits: Readonly<Record<PodId, number>>, service = chat, order: Order = {}) =>
      value(store.enrol(service, new Map(Object.entries(limits) as [PodId, number][]), order));
    const place = (lease: LeaseId, reserveMs = HOUR_MS, service = chat) =>
      value(store.place(service, lease, reserveMs, '/chat'));
    const choose = async (choice: Choice, lease = newLease(proxyA)): Promise<PodId> => {
      const placed = await value(store.place(chat, lease, HOUR_MS, '/chat', undefined, choice));
      if (!placed.placed) throw new Error(`no room: ${placed.why}`);
      return placed.pod;
    };
    const placeMany = (count: number): Promise<Placed[]> =>
      Promise.all(leasesOf(proxyA, count).map((lease) => place(lease)));
    const podWith = async (lease: LeaseId): Promise<PodId> => {
      const placed = await place(lease);
      if (!placed.placed) throw new Error(`no room: ${placed.why}`);
      return placed.pod;
    };
    const counts = async (...pods: PodId[]) =>
      (await value(store.fleet(pods))).pods.map(({ connections }) => connections);
    const full = { placed: false, why: 'full' };

    it('fills its pods evenly, each up to its limit, and not one more', async () => {
      await enrol({ [podA]: 5, [podB]: 5, [podC]: 2 });
      const placed = await placeMany(20);
      expect(placed.filter((each) => each.placed)).toHaveLength(12);
      expect(placed.filter((each) => !each.placed)).toEqual(Array(8).fill(full));
      expect(await counts(podA, podB, podC)).toEqual([5, 5, 2]);
    });

    it('places each lease at the pod that has the most room', async () => {
      await enrol({ [podA]: 30, [podB]: 30, [podC]: 30 });
      for (let round = 1; round <= 10; round += 1) {
        for (let pod = 0; pod < 3; pod += 1) await place(newLease(proxyA));
        expect(await counts(podA, podB, podC)).toEqual([round, round, round]);
      }
    });

    it('answers the same pod to a lease that asks twice, and counts it once', async () => {
      await enrol({ [podA]: 5, [podB]: 5, [podC]: 5 });
      const leases = leasesOf(proxyA, 9);
      const first = await Promise.all(leases.map(podWith));
      expect(await Promise.all(leases.map(podWith))).toEqual(first);
      expect(await counts(podA, podB, podC)).toEqual([3, 3, 3]);
    });

    it('says so when nobody has told which pods it has', async () => {
      expect(await place(newLease(proxyA))).toEqual({ placed: false, why: 'unknown' });
      await enrol({ [podA]: 1 });
      await place(newLease(proxyA));
      expect(await place(newLease(proxyA))).toEqual(full);
    });

    it('knows the room that each way of coming and going leaves', async () => {
      await enrol({ [podA]: 3 });
      const [placed, routed, adopted, late] = leasesOf(proxyA, 4) as [LeaseId, LeaseId, LeaseId, LeaseId];
      await place(placed);
      await value(store.acquire(claims(podA, 3), routed, 1, '/'));
      await value(store.renew(podA, [{ lease: adopted, told: true }], HOUR_MS));
      expect(await place(late)).toEqual(full);
      await value(store.withdraw(podA, [placed]));
      expect(await podWith(late)).toBe(podA);
      expect(await place(newLease(proxyA))).toEqual(full);
      await value(store.release(podA, [adopted], 0));
      expect(await place(newLease(proxyA))).toMatchObject({ placed: true, count: 3 });
      await expect.poll(async () => (await value(store.expire(podA, gone(proxyA), TIMES))).leases).toEqual([routed]);
      expect(await place(newLease(proxyA))).toMatchObject({ placed: true, count: 3 });
      expect(await place(newLease(proxyA))).toEqual(full);
    });

    it('frees and withdraws a lease of which only the service is known', async () => {
      await enrol({ [podA]: 2, [podB]: 2 });
      const [first, second, third] = leasesOf(proxyA, 3) as [LeaseId, LeaseId, LeaseId];
      for (const lease of [first, second, third]) await place(lease);
      await place(third); // spoken of again
      expect(await value(store.withdraw(chat, [first, third]))).toBe(1);
      expect(await value(store.release(chat, [second, second], HOUR_MS))).toBe(1);
      expect((await counts(podA, podB)).toSorted()).toEqual([0, 1]);
      expect(await place(second)).toEqual({ placed: false, why: 'ended' });
      const renewed = await value(store.renew(podA, [{ lease: second }], HOUR_MS));
      expect(renewed.created).toBe(0);
    });

    it('keeps a lease at one pod, whatever pod is named', async () => {
      await enrol({ [podA]: 9, [podB]: 8 });
      const lease = newLease(proxyB);
      expect(await podWith(lease)).toBe(podA);
      expect(await value(store.acquire(claims(podB, 8), lease, HOUR_MS, '/'))).toMatchObject({
        admitted: true,
        count: 1,
      });
      expect(await counts(podA, podB)).toEqual([0, 1]);
      await value(store.renew(podB, [{ lease }], HOUR_MS));
      await value(store.renew(podA, [{ lease }], 2 * HOUR_MS));
      expect(await counts(podA, podB)).toEqual([0, 1]);
      const [fromA, fromB] = [await value(store.expiries(podA, [lease])), await value(store.expiries(podB, [lease]))];
      expect(fromA).toEqual(fromB);
      expect(await value(store.release(podA, [lease], 0))).toBe(1);
      expect(await counts(podA, podB)).toEqual([0, 0]);
    });

    it('takes the word of a renewal for where a lease is that was only reserved', async () => {
      await enrol({ [podA]: 9, [podB]: 8 });
      const lease = newLease(proxyB);
      expect(await podWith(lease)).toBe(podA);
      const holder = { state: 'live', path: '/' } as const;
      expect(await value(store.renew(podB, [{ lease, holder }], HOUR_MS))).toEqual({ created: 1, count: 1 });
      expect(await counts(podA, podB)).toEqual([0, 1]);
      expect(await podWith(lease)).toBe(podB);
    });

    it('has a lease where its connection has moved, even over the limit, and gives the other slot away', async () => {
      await enrol({ [podA]: 1, [podB]: 1 });
      const [moving, other] = leasesOf(proxyB, 2) as [LeaseId, LeaseId];
      const from = await podWith(moving);
      const to = await podWith(other);
      await value(store.renew(from, [{ lease: moving }], HOUR_MS));
      expect(await value(store.renew(to, [{ lease: moving, moved: true }], HOUR_MS))).toEqual({ created: 1, count: 2 });
      expect(await counts(from, to)).toEqual([0, 2]);
      await value(store.renew(from, [{ lease: moving }], HOUR_MS)); // a late word
      expect(await counts(from, to)).toEqual([0, 2]);
      expect(await podWith(newLease(proxyA))).toBe(from);
      expect(await place(newLease(proxyA))).toEqual(full);
    });

    it('gives a pod that has left no new leases, and keeps those that it has', async () => {
      await enrol({ [podA]: 5, [podB]: 5 });
      await placeMany(4);
      await enrol({ [podB]: 5 });
      expect((await placeMany(9)).filter((each) => each.placed)).toHaveLength(3);
      expect(await counts(podA, podB)).toEqual([2, 5]);
      await enrol({ [podA]: 5, [podB]: 5 });
      expect((await placeMany(9)).filter((each) => each.placed)).toHaveLength(3);
      expect(await counts(podA, podB)).toEqual([5, 5]);
    });

    it('answers with the pods that have come and gone, once', async () => {
      expect(await enrol({ [podA]: 1, [podB]: 2 })).toEqual({ joined: [podA, podB], left: [] });
      expect(await enrol({ [podA]: 1, [podB]: 2 })).toEqual({ joined: [], left: [] });
      expect(await enrol({ [podB]: 3, [podC]: 3 })).toEqual({ joined: [podC], left: [podA] });
    });

    it('tells the pods that it avoids, and until when', async () => {
      await enrol({ [podA]: 5, [podB]: 5 });
      expect(await value(store.avoided(chat))).toEqual(new Map());
      await value(store.avoid(podA));
      const { timeMs } = await value(store.fleet([podA]));
      const [[pod, untilMs = 0] = []] = [...(await value(store.avoided(chat)))];
      expect(pod).toBe(podA);
      expect(untilMs - timeMs).toBeGreaterThan(0);
      expect(untilMs - timeMs).toBeLessThanOrEqual(1000);
    });

    it('avoids a pod that refused a connection, where another has room, and for longer each time', async () => {
      await enrol({ [podA]: 9, [podB]: 2 });
      expect(await podWith(newLease(proxyA))).toBe(podA);
      expect(await value(store.avoid(podA))).toBe(1000);
      expect(await value(store.avoid(podA))).toBe(0);
      await enrol({ [podA]: 9, [podB]: 2 });
      const leases = leasesOf(proxyA, 2);
      expect(await Promise.all(leases.map(podWith))).toEqual([podB, podB]);
      expect(await podWith(newLease(proxyA))).toBe(podA); // where no other has room
      await value(store.release(chat, leases, 0));
      const lease = newLease(proxyA);
      const next = async () => {
        await value(store.withdraw(chat, [lease]));
        return podWith(lease);
      };
      expect(await next()).toBe(podB);
      await expect.poll(next, { timeout: 3000, interval: 100 }).toBe(podA);
      expect(await value(store.avoid(podA))).toBe(2000);
      expect(await podWith(newLease(proxyA))).toBe(podB);
    });

    it('sends to any of those that are avoided before it refuses', async () => {
      await enrol({ [podA]: 1, [podB]: 2 });
      expect(await value(store.avoid(podA))).toBe(1000);
      expect(await value(store.avoid(podB))).toBe(1000);
      const placed = await placeMany(4);
      expect(placed.filter((each) => each.placed)).toHaveLength(3);
      expect(await counts(podA, podB)).toEqual([1, 2]);
    });

    it('goes by a limit that was changed, and lets nobody in above it', async () => {
      await enrol({ [podA]: 5, [podB]: 5 });
      await placeMany(8);
      await enrol({ [podA]: 3, [podB]: 7 });
      await placeMany(9);
      expect(await counts(podA, podB)).toEqual([4, 7]);
    });

    it('packs: fills one pod after the other, the one with the least room first', async () => {
      await enrol({ [podA]: 4, [podB]: 2, [podC]: 3 });
      const chosen: PodId[] = [];
      for (let i = 0; i < 6; i += 1) chosen.push(await choose({ pick: 'pack' }));
      expect(chosen).toEqual([podB, podB, podC, podC, podC, podA]);
      const together = await Promise.all(leasesOf(proxyA, 3).map((lease) => choose({ pick: 'pack' }, lease)));
      expect(together).toEqual([podA, podA, podA]);
      expect(await place(newLease(proxyA))).toEqual(full);
    });

    it('spreads over zones: in the zone with the fewest connections, the pod with the most room', async () => {
      const zones = new Map([
        [podA, 'a'],
        [podB, 'b'],
        [podC, 'b'],
      ]);
      await enrol({ [podA]: 3, [podB]: 9, [podC]: 9 }, chat, { zones });
      const some = leasesOf(proxyA, 6);
      await Promise.all(some.map((lease) => choose({ pick: 'spread' }, lease)));
      expect((await counts(podA, podB, podC)).toSorted((x, y) => x - y)).toEqual([1, 2, 3]);
      expect((await counts(podA))[0]).toBe(3);
      await value(store.release(chat, some.slice(0, 3), 0));
      const [inA = 0, ...inB] = await counts(podA, podB, podC);
      expect(await choose({ pick: 'spread' })).toBe(inA <= inB.reduce((x, y) => x + y) ? podA : expect.anything());
      for (let i = 0; i < 17; i += 1) await choose({ pick: 'spread' });
      expect(await counts(podA, podB, podC)).toEqual([3, 9, 9]); // where a zone is full, another gets it
      expect(await place(newLease(proxyA))).toEqual(full);
    });

    it('knows the connections of a zone when a pod comes to another one, is avoided or leaves', async () => {
      const inZones = (a: string, b: string, c: string) =>
        new Map([
          [podA, a],
          [podB, b],
          [podC, c],
        ]);
      const limits = { [podA]: 9, [podB]: 9, [podC]: 9 };
      await enrol(limits, chat, { zones: inZones('x', 'y', 'z') });
      await choose({ pick: 'least', first: [podA] });
      await choose({ pick: 'least', first: [podB] });
      await enrol(limits, chat, { zones: inZones('x', 'x', 'z') });
      expect(await choose({ pick: 'spread' })).toBe(podC);
      await value(store.avoid(podC));
      const [moved] = leasesOf(proxyA, 1) as [LeaseId];
      await value(store.renew(podC, [{ lease: moved }], HOUR_MS)); // zone z has 2 now
      await enrol({ [podB]: 9, [podC]: 9 }, chat, { zones: inZones('x', 'x', 'z') }); // and x 1
      await expect.poll(async () => (await place(newLease(proxyA))).placed && (await counts(podC))[0]).toBe(3);
      const before = await counts(podB, podC);
      const spread = [await choose({ pick: 'spread' }), await choose({ pick: 'spread' })];
      const [inB = 0, inC = 0] = before;
      expect(spread[0]).toBe(inB <= inC ? podB : podC);
    });

    it('picks pods below the soft limit first, and others only when none is', async () => {
      await enrol({ [podA]: 9, [podB]: 4 }, chat, { softLimit: 2 });
      await placeMany(4);
      expect(await counts(podA, podB)).toEqual([2, 2]);
      await placeMany(3);
      expect(await counts(podA, podB)).toEqual([5, 2]);
      await placeMany(9);
      expect(await counts(podA, podB)).toEqual([9, 4]);
    });

    it('packs up to the soft limit first, too', async () => {
      await enrol({ [podA]: 5, [podB]: 4 }, chat, { softLimit: 2 });
      const chosen: PodId[] = [];
      for (let i = 0; i < 7; i += 1) chosen.push(await choose({ pick: 'pack' }));
      expect(chosen).toEqual([podB, podB, podA, podA, podB, podB, podA]);
    });

    it('sends a lease to the first of those that are asked for that has room, whatever the pick and the soft limit', async () => {
      await enrol({ [podA]: 9, [podB]: 2, [podC]: 9 }, chat, { softLimit: 1 });
      const first = [podB, podC];
      const leases = leasesOf(proxyA, 3);
      const together = await Promise.all(leases.map((lease) => choose({ pick: 'least', first }, lease)));
      expect(together).toEqual([podB, podB, podC]);
      await value(store.avoid(podC));
      expect(await choose({ pick: 'least', first })).toBe(podA);
      await value(store.release(chat, leases.slice(0, 1), 0));
      expect(await choose({ pick: 'pack', first })).toBe(podB);
      expect(await counts(podA, podB, podC)).toEqual([1, 2, 1]);
    });

    it('tells further pods that have room, those with the most first', async () => {
      await enrol({ [podA]: 9, [podB]: 8, [podC]: 7 });
      const ask = async (others: number, pick: Choice['pick'] = 'least') =>
        value(store.place(chat, newLease(proxyA), HOUR_MS, '/chat', undefined, { pick, others }));
      expect(await ask(1)).toEqual({ placed: true, pod: podA, count: 1, others: [podB] });
      expect(await ask(5, 'pack')).toMatchObject({ pod: podC, others: expect.arrayContaining([podA, podB]) });
      await value(store.avoid(podB));
      expect(await ask(5, 'pack')).toMatchObject({ pod: podC, others: [podA] });
      await enrol({ [podC]: 3 });
      expect(await ask(5)).toMatchObject({ pod: podC, others: [] });
      expect(await ask(5)).toEqual(full);
    });

    it('keeps services apart', async () => {
      const mail = serviceId('mail');
      const [other] = podsOf(mail, 1) as [PodId];
      await enrol({ [podA]: 1 });
      await enrol({ [other]: 1 }, mail);
      const lease = newLease(proxyA);
      expect(await place(lease)).toMatchObject({ pod: podA });
      expect(await place(lease, HOUR_MS, mail)).toMatchObject({ pod: other });
      expect(await value(store.release(mail, [lease], 0))).toBe(1);
      expect(await counts(podA, other)).toEqual([1, 0]);
    });
  });
}
