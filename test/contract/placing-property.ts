/**
 * Whatever is done with the leases of a service, by whichever pod they are named: each is at one pod, and the next one is
 * placed where the counts say that there is most room.
 */

import fc from 'fast-check';
import { expect } from 'vitest';
import type { LeaseId, PodId } from '../../src/admission/ids.ts';
import type { LeaseStore } from '../../src/admission/lease-store.ts';
import { claims } from '../support/claims.ts';
import { gone, HOUR_MS, TIMES } from '../support/expire.ts';
import { leasesOf, podsOf, proxyA, serviceId } from '../support/names.ts';
import { step, stepsOf } from '../support/property.ts';
import { value } from './lease-store.ts';

const chat = serviceId('chat');
const pods = podsOf(chat, 3);
const LEASES = 12;
const LIMIT_MAX = 4;

interface Service {
  readonly store: LeaseStore;
  readonly leases: readonly LeaseId[];
  limits: ReadonlyMap<PodId, number>;
}

const index = fc.nat(LEASES - 1);
const some = fc.uniqueArray(index, { maxLength: 4 });
const pod = fc.constantFrom(...pods);
const where = fc.constantFrom(chat, ...pods);
const limits = fc.array(fc.nat(LIMIT_MAX), { minLength: 3, maxLength: 3 });

const steps = stepsOf<Service>(
  step(4, 'place', { i: index }, (service, { i }) => place(service, i)),
  step(1, 'acquire', { at: pod, i: index }, async (service, { at, i }) => {
    await value(service.store.acquire(claims(at, service.limits.get(at) ?? 1), nth(service, i), 1, '/'));
  }),
  step(2, 'renew', { at: pod, of: some, moved: fc.boolean() }, async (service, { at, of, moved }) => {
    const renewals = of.map((i) => ({ lease: nth(service, i), moved }));
    await value(service.store.renew(at, renewals, HOUR_MS));
  }),
  step(
    2,
    'release',
    { at: where, of: some, endedMs: fc.constantFrom(0, 0, 5) },
    async (service, { at, of, endedMs }) => {
      await value(
        service.store.release(
          at,
          of.map((i) => nth(service, i)),
          endedMs,
        ),
      );
    },
  ),
  step(1, 'withdraw', { at: where, of: some }, async (service, { at, of }) => {
    await value(
      service.store.withdraw(
        at,
        of.map((i) => nth(service, i)),
      ),
    );
  }),
  step(1, 'expire', { at: pod }, async ({ store }, { at }) => {
    await value(store.expire(at, gone(proxyA), TIMES));
  }),
  step(1, 'enrol', { limits }, (service, args) => enrol(service, args.limits)),
);

function nth({ leases }: Service, i: number): LeaseId {
  return leases[i] as LeaseId;
}

/** A pod with the limit 0 has left. */
async function enrol(service: Service, limits: readonly number[]): Promise<void> {
  service.limits = new Map(pods.map((at, i) => [at, limits[i] ?? 0] as const).filter(([, limit]) => limit > 0));
  await value(service.store.enrol(chat, service.limits));
}

async function counts({ store }: Service): Promise<Map<PodId, number>> {
  const fleet = await value(store.fleet(pods));
  return new Map(fleet.pods.map(({ pod: at, connections }) => [at, connections]));
}

async function place(service: Service, i: number): Promise<void> {
  const before = await counts(service);
  const rooms = [...service.limits].map(([at, limit]) => [at, limit - (before.get(at) ?? 0)] as const);
  const most = Math.max(0, ...rooms.map(([, room]) => room));
  const placed = await value(service.store.place(chat, nth(service, i), 1, '/'));
  const after = await counts(service);
  if (!placed.placed) {
    if (placed.why !== 'ended')
      expect({ why: placed.why, most }).toEqual({ why: rooms.length > 0 ? 'full' : 'unknown', most: 0 });
    expect(after).toEqual(before);
  } else if (after.get(placed.pod) !== before.get(placed.pod)) {
    expect(most).toBeGreaterThan(0);
    expect(rooms.find(([at]) => at === placed.pod)?.[1]).toBe(most);
    expect(placed.count).toBe(after.get(placed.pod));
  }
}

async function eachIsAtOnePod({ store }: Service): Promise<void> {
  const held = await Promise.all(pods.map((at) => value(store.leases(at, 100))));
  const all = held.flatMap(({ leases }) => leases.map(({ lease }) => lease));
  expect(new Set(all).size).toBe(all.length);
}

/** `open` gives an empty store. */
export function placesByRoom(open: () => Promise<LeaseStore>) {
  return fc.asyncProperty(limits, steps, async (first, taken) => {
    const service: Service = { store: await open(), leases: leasesOf(proxyA, LEASES), limits: new Map() };
    await enrol(service, first);
    for (const each of taken) {
      await each.take(service);
      await eachIsAtOnePod(service);
    }
  });
}
