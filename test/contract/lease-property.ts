/**
 * A store beside the model of the contract (`lease-model.ts`): whatever steps are taken (`lease-steps.ts`), after each
 * of them both hold the same leases, each proxy has the same part of them, and nothing is kept that belongs to no lease.
 * Then minutes go by, in which each lease expires when it does in the model.
 */

import fc from 'fast-check';
import { expect } from 'vitest';
import type { LeaseId, PodId } from '../../src/admission/ids.ts';
import type { HeldLease, LeaseStore } from '../../src/admission/lease-store.ts';
import { gone } from '../support/expire.ts';
import { LeaseModel } from './lease-model.ts';
import { type Both, expire, leaseSteps, MINUTE_MS, moveClock, pods, proxies, type Subject } from './lease-steps.ts';
import { value } from './lease-store.ts';

const MINUTES_AFTER = 5;
/** Leases of a page: few, so that there are several where a store cuts pages as asked. */
const PAGE = 4;

/** `open` gives an empty store. */
export function keepsToTheModel(open: () => Promise<Subject>) {
  return fc.asyncProperty(leaseSteps, async (steps) => {
    const both = { subject: await open(), model: new LeaseModel() };
    for (const each of steps) {
      await each.take(both);
      await holdTheSame(both);
    }
    for (let minute = 0; minute < MINUTES_AFTER; minute += 1) {
      await moveClock(both, MINUTE_MS);
      for (const pod of pods) await expire(both, both.subject.gates[0], pod, () => gone(...proxies));
    }
    await holdTheSame(both);
  });
}

async function holdTheSame({ subject, model }: Both): Promise<void> {
  const [store] = subject.gates;
  const { pods: counts } = await value(store.fleet(pods));
  expect(counts).toEqual(pods.map((pod) => ({ pod, connections: model.held(pod).size, proxies: model.proxies(pod) })));
  for (const pod of pods) {
    const found = await everyLease(store, pod);
    expect(found.map(({ lease }) => lease).toSorted()).toEqual([...model.held(pod).keys()].toSorted());
    for (const { lease, holder } of found) {
      const told = model.held(pod).get(lease)?.holder;
      // Where nobody has told, the store may know nothing or what is likeliest.
      if (told) expect(holder).toEqual(told);
      else expect(holder ?? { state: 'live', path: '' }).toEqual({ state: 'live', path: '' });
    }
    expect(await subject.debris(pod)).toEqual([]);
  }
  const listed = await value(store.pods());
  const { atLeast, atMost } = model.pods();
  expect(listed).toEqual(expect.arrayContaining(atLeast));
  expect(atMost).toEqual(expect.arrayContaining([...listed]));
}

async function everyLease(store: LeaseStore, pod: PodId): Promise<HeldLease[]> {
  const found = new Map<LeaseId, HeldLease>();
  let cursor: LeaseId | undefined;
  do {
    const page = await value(store.leases(pod, PAGE, cursor));
    for (const each of page.leases) found.set(each.lease, each);
    cursor = page.next;
  } while (cursor !== undefined);
  return [...found.values()];
}
