/**
 * Whatever is done with the leases of a service, by whichever pod they are named: each is at one pod, and the next one is
 * placed where its choice says, by the counts.
 */

import fc from 'fast-check';
import { expect } from 'vitest';
import type { LeaseId, PodId } from '../../src/admission/ids.ts';
import type { Choice, LeaseStore, Order } from '../../src/admission/lease-store.ts';
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
  order: Order;
  readonly overrides: Map<PodId, number>;
  /** Of the overrides. */
  version: number;
}

const index = fc.nat(LEASES - 1);
const some = fc.uniqueArray(index, { maxLength: 4 });
const pod = fc.constantFrom(...pods);
const where = fc.constantFrom(chat, ...pods);
const limits = fc.array(fc.nat(LIMIT_MAX), { minLength: 3, maxLength: 3 });
const zone = fc.constantFrom('east', 'west');
const order = fc.record(
  {
    softLimit: fc.integer({ min: 1, max: LIMIT_MAX }),
    zones: fc.tuple(zone, zone, zone).map((names) => new Map(pods.map((at, i) => [at, names[i] ?? '']))),
  },
  { requiredKeys: [] },
);
const choice = fc.record(
  { pick: fc.constantFrom('least' as const, 'pack' as const, 'spread' as const), first: fc.uniqueArray(pod) },
  { requiredKeys: ['pick'] },
);

const steps = stepsOf<Service>(
  step(4, 'place', { i: index, choice }, (service, args) => place(service, args.i, args.choice)),
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
  step(1, 'override', { at: pod, limit: fc.option(fc.nat(LIMIT_MAX)) }, async (service, { at, limit }) => {
    service.version += 1;
    await value(service.store.enforce(at, service.version, limit === null ? undefined : { connections: limit }));
    if (limit === null) service.overrides.delete(at);
    else service.overrides.set(at, limit);
  }),
  step(1, 'enrol', { limits, order }, (service, args) => enrol(service, args.limits, args.order)),
);

function nth({ leases }: Service, i: number): LeaseId {
  return leases[i] as LeaseId;
}

/** A pod with the limit 0 has left. */
async function enrol(service: Service, limits: readonly number[], order: Order): Promise<void> {
  service.order = order;
  service.limits = new Map(pods.map((at, i) => [at, limits[i] ?? 0] as const).filter(([, limit]) => limit > 0));
  await value(service.store.enrol(chat, service.limits, order));
}

async function counts({ store }: Service): Promise<Map<PodId, number>> {
  const fleet = await value(store.fleet(pods));
  return new Map(fleet.pods.map(({ pod: at, connections }) => [at, connections]));
}

async function place(service: Service, i: number, choice: Choice): Promise<void> {
  const before = await counts(service);
  const right = chosen(service, before, choice);
  const placed = await value(service.store.place(chat, nth(service, i), 1, '/', undefined, choice));
  const after = await counts(service);
  if (!placed.placed) {
    if (placed.why !== 'ended')
      expect({ why: placed.why, right }).toEqual({ why: service.limits.size > 0 ? 'full' : 'unknown', right: [] });
    expect(after).toEqual(before);
  } else if (after.get(placed.pod) !== before.get(placed.pod)) {
    expect(right).toContain(placed.pod);
    expect(placed.count).toBe(after.get(placed.pod));
  }
}

/** Any of these. */
function chosen(
  { limits, order, overrides }: Service,
  counts: Map<PodId, number>,
  { pick, first = [] }: Choice,
): PodId[] {
  const count = (at: PodId) => counts.get(at) ?? 0;
  const room = (at: PodId) => (overrides.get(at) ?? limits.get(at) ?? 0) - count(at);
  const open = [...limits.keys()].filter((at) => room(at) > 0);
  const asked = first.find((at) => open.includes(at));
  if (asked) return [asked];
  const below = open.filter((at) => count(at) < (order.softLimit ?? Number.POSITIVE_INFINITY));
  const some = below.length > 0 ? below : open;
  if (pick === 'pack') return leastBy(some, room);
  if (pick === 'least' || !order.zones) return leastBy(some, (at) => -room(at));
  const zoneOf = (at: PodId) => order.zones?.get(at);
  const inZone = (name = '') =>
    [...limits.keys()].filter((at) => zoneOf(at) === name).reduce((n, at) => n + count(at), 0);
  const zones = leastBy([...new Set(some.map(zoneOf))], inZone);
  return zones.flatMap((name) =>
    leastBy(
      some.filter((at) => zoneOf(at) === name),
      (at) => -room(at),
    ),
  );
}

function leastBy<T>(some: readonly T[], by: (each: T) => number): T[] {
  const least = Math.min(...some.map(by));
  return some.filter((each) => by(each) === least);
}

async function eachIsAtOnePod({ store }: Service): Promise<void> {
  const held = await Promise.all(pods.map((at) => value(store.leases(at, 100))));
  const all = held.flatMap(({ leases }) => leases.map(({ lease }) => lease));
  expect(new Set(all).size).toBe(all.length);
}

/** `open` gives an empty store. */
export function placesByRoom(open: () => Promise<LeaseStore>) {
  return fc.asyncProperty(limits, order, steps, async (first, firstOrder, taken) => {
    const store = await open();
    const leases = leasesOf(proxyA, LEASES);
    const service = { store, leases, limits: new Map(), order: {}, overrides: new Map(), version: 0 };
    await enrol(service, first, firstOrder);
    for (const each of taken) {
      await each.take(service);
      await eachIsAtOnePod(service);
    }
  });
}
