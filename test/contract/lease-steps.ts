/**
 * Random steps, each taken on a store and on the model beside it (`lease-model.ts`), from one of several gates or from
 * many at once. The store's answer must be the model's.
 *
 * Leases and silences last whole minutes and a half, and the clock is moved by whole ones. So what is past its time is
 * so by half a minute at least, and the moments by which a real store's clock goes on by itself change no answer.
 */

import fc from 'fast-check';
import { expect } from 'vitest';
import { leaseId, type PodId, streamIdentity } from '../../src/admission/ids.ts';
import type { Expired, Holder, LeaseStore, LeaseTimes, Renewed, Silence } from '../../src/admission/lease-store.ts';
import { claims } from '../support/claims.ts';
import { pod1, pod2, proxyA, proxyB, proxyId } from '../support/names.ts';
import { step, stepsOf } from '../support/property.ts';
import { LeaseModel } from './lease-model.ts';
import { value } from './lease-store.ts';

/** A store as several gates see it. */
export interface Subject {
  readonly gates: readonly [LeaseStore, LeaseStore, LeaseStore];
  nowMs(): number;
  /** Moves the store's clock, or all that it has written down the other way: nobody can tell. */
  moveClock(ms: number): Promise<void>;
  loseAll(): Promise<void>;
  /** What the store keeps of a pod beside the set of its leases, and nothing in the set accounts for. */
  debris(pod: PodId): Promise<readonly string[]>;
}

export interface Both {
  readonly subject: Subject;
  model: LeaseModel;
}

export const MINUTE_MS = 60_000;
const PATH = '/asked';
/** Whole minutes, so that last words are as sharp as expiries; and longer than any lease of these steps is good for. */
const TIMES: LeaseTimes = { ttlMs: 10 * MINUTE_MS, reserveMs: 9 * MINUTE_MS, unrenewedMaxMs: 13 * MINUTE_MS };
const EARLIEST_MS = -1e15;

export const pods = [pod1, pod2];
/** One name is the beginning of another, up to the character at which lease ids are cut. */
export const proxies = [proxyA, proxyB, proxyId('proxy_a_b'), proxyId('p:1.x-y')];
const leases = proxies.flatMap((proxy) =>
  ['192.0.2.7:1', 'pipe:/run/a_b'].map((peer) => leaseId(proxy, streamIdentity(1n, peer))),
);

const gate = fc.constantFrom(0, 1, 2);
const name = fc.constantFrom('gate1', 'gate2', 'gate3');
const pod = fc.constantFrom(...pods);
const lease = fc.constantFrom(...leases);
const someLeases = fc.array(lease, { minLength: 1, maxLength: 6 });
const someProxies = fc.subarray(proxies);
const asked = fc.array(fc.record({ gate, lease }), { minLength: 2, maxLength: 8 });
const limit = fc.nat(6);
const holder = fc.option(fc.constantFrom<Holder>({ state: 'live', path: '/' }, { state: 'reserved', path: '/é"' }));
const forMs = fc.nat(3).map((minutes) => (minutes + 0.5) * MINUTE_MS);
const is = { told: fc.boolean(), first: fc.boolean(), held: fc.boolean(), overdue: fc.boolean() };
const endedMs = fc.oneof(fc.constant(0), forMs);
/** All that is past its expiry is to go; or with a condition of each kind, by whole minutes from now. */
const minutes = fc.option(fc.integer({ min: -18, max: -6 }), { nil: undefined });
const silence = fc
  .record({
    silent: fc.nat(16),
    unheard: minutes,
    complete: minutes,
    toldOnly: fc.boolean(),
    tellsHeld: fc.boolean(),
    held: minutes,
  })
  .map(({ silent, unheard, complete, held, ...which }) => (nowMs: number) => ({
    silentMs: silent * MINUTE_MS,
    unheardUntilMs: unheard === undefined ? EARLIEST_MS : nowMs + unheard * MINUTE_MS,
    completeSinceMs: complete === undefined ? Number.MAX_SAFE_INTEGER : nowMs + complete * MINUTE_MS,
    heldCompleteSinceMs: held === undefined ? Number.MAX_SAFE_INTEGER : nowMs + held * MINUTE_MS,
    ...which,
  }));
const clockMs = fc.integer({ min: -1, max: 4 }).map((minutes) => minutes * MINUTE_MS);

export const leaseSteps = stepsOf<Both>(
  step(5, 'acquire', { gate, pod, lease, limit, forMs }, async (both, { gate, pod, lease, limit, forMs }) => {
    const answer = await value(both.subject.gates[gate].acquire(claims(pod, limit), lease, forMs, PATH));
    expect(answer).toEqual(both.model.acquire(pod, lease, limit, forMs, PATH));
  }),
  step(3, 'acquire at once', { pod, asked, limit, forMs }, async ({ subject, model }, { pod, asked, limit, forMs }) => {
    const answers = await Promise.all(
      asked.map(async ({ gate, lease }) => ({
        lease,
        ...(await value(subject.gates[gate].acquire(claims(pod, limit), lease, forMs, PATH))),
      })),
    );
    // Who comes first is the store's to say. Whoever it was, the model must have let as many in, in that order.
    const order = answers.toSorted((a, b) => Number(b.admitted) - Number(a.admitted) || a.count - b.count);
    for (const { lease, admitted } of order) {
      expect(model.acquire(pod, lease, limit, forMs, PATH).admitted).toBe(admitted);
    }
    for (const { count } of answers) expect(count).toBeLessThanOrEqual(model.held(pod).size);
  }),
  step(
    4,
    'renew',
    { gate, pod, leases: someLeases, forMs, holder, is: fc.record(is) },
    async (both, { gate, pod, leases, forMs, holder, is }) => {
      const renewals = leases.map((lease) => ({ lease, ...is, ...(holder ? { holder } : {}) }));
      const answer = await value(both.subject.gates[gate].renew(pod, renewals, forMs));
      expect(inOrder(answer)).toEqual(inOrder(both.model.renew(pod, renewals, forMs)));
    },
  ),
  step(4, 'release', { gate, pod, leases: someLeases, endedMs }, async (both, { gate, pod, leases, endedMs }) => {
    const answer = await value(both.subject.gates[gate].release(pod, leases, endedMs));
    expect(answer).toBe(both.model.release(pod, leases, endedMs));
  }),
  step(2, 'release at once', { pod, asked, endedMs }, async ({ subject, model }, { pod, asked, endedMs }) => {
    const answers = await Promise.all(
      asked.map(({ gate, lease }) => value(subject.gates[gate].release(pod, [lease], endedMs))),
    );
    const released = answers.reduce((sum, count) => sum + count, 0);
    const leases = asked.map(({ lease }) => lease);
    expect(released).toBe(model.release(pod, leases, endedMs));
  }),
  step(2, 'withdraw', { gate, pod, leases: someLeases }, async ({ subject, model }, { gate, pod, leases }) => {
    expect(await value(subject.gates[gate].withdraw(pod, leases))).toBe(model.withdraw(pod, leases));
  }),
  step(3, 'expire', { gate, pod, proxies: someProxies, rule: silence }, async (both, { gate, pod, proxies, rule }) => {
    const silences = (nowMs: number) => proxies.map((proxy) => ({ proxy, ...rule(nowMs) }));
    await expire(both, both.subject.gates[gate], pod, silences);
  }),
  step(2, 'lapsed', { gate, pod, leases: someLeases }, async ({ subject, model }, { gate, pod, leases }) => {
    expect(await value(subject.gates[gate].lapsed(pod, leases))).toEqual(model.lapsed(pod, leases));
  }),
  step(3, 'move the clock', { clockMs }, (both, { clockMs }) => moveClock(both, clockMs)),
  step(1, 'lose all', {}, async (both) => {
    await both.subject.loseAll();
    both.model = new LeaseModel();
  }),
  step(
    3,
    'heartbeat',
    { gate, name, proxies: someProxies, pods: fc.subarray(pods), forMs },
    async ({ subject, model }, { gate, name, forMs, ...used }) => {
      const beat = { gate: name, ...used, gateSilentMs: forMs, proxySilentMs: forMs };
      const { gates, silentGates, silentProxies } = await value(subject.gates[gate].heartbeat(beat));
      const right = model.heartbeat(beat);
      expect(gates).toBe(right.gates);
      expect(silentGates.map(({ gate }) => gate).toSorted()).toEqual(right.silentGates.toSorted());
      expect(silentProxies.toSorted()).toEqual(right.silentProxies.toSorted());
    },
  ),
  step(1, 'register', { gate, proxies: someProxies }, async ({ subject, model }, { gate, proxies }) => {
    await value(subject.gates[gate].register(proxies));
    model.register(proxies);
  }),
  step(1, 'remove proxies', { gate, proxies: someProxies, forMs }, async (both, { gate, proxies, forMs }) => {
    await value(both.subject.gates[gate].remove('proxies', proxies, forMs));
    both.model.remove('proxies', proxies, forMs);
  }),
  step(1, 'remove an empty pod', { gate, pod, forMs }, async ({ subject, model }, { gate, pod, forMs }) => {
    if (model.held(pod).size > 0) return;
    await value(subject.gates[gate].remove('pods', [pod], forMs));
    model.remove('pods', [pod], forMs);
  }),
  step(1, 'remove a gate', { gate, name, forMs }, async ({ subject, model }, { gate, name, forMs }) => {
    await value(subject.gates[gate].remove('gates', [name], forMs));
    model.remove('gates', [name], forMs);
  }),
  step(1, 'leave', { gate, name }, async ({ subject, model }, { gate, name }) => {
    await value(subject.gates[gate].leave(name));
    model.leave(name);
  }),
);

/** `silences`: at that time. The store's is not the model's. */
export async function expire(
  { subject, model }: Both,
  store: LeaseStore,
  pod: PodId,
  silences: (nowMs: number) => Silence[],
): Promise<void> {
  const answer = await value(store.expire(pod, silences(subject.nowMs()), TIMES));
  expect(sorted(answer)).toEqual(sorted(model.expire(pod, silences(model.nowMs), TIMES)));
}

function inOrder({ inherited = [], overdue = [], ...rest }: Renewed): Renewed {
  return { ...rest, inherited: inherited.toSorted(), overdue: overdue.toSorted() };
}

function sorted({ leases, outlived, waiting, overlooked, unheld, count }: Expired): Expired {
  return {
    leases: leases.toSorted(),
    outlived: outlived.toSorted(),
    waiting: new Map([...waiting].toSorted()),
    overlooked: overlooked.toSorted(),
    unheld,
    count,
  };
}

export async function moveClock({ subject, model }: Both, ms: number): Promise<void> {
  if (ms < 0 && model.forgot(-ms)) return; // whether a store remembers it still, nobody says
  await subject.moveClock(ms);
  model.nowMs += ms;
}
