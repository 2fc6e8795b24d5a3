/** What gates do when the store has lost leases, or releases. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LeaseId } from '../../src/admission/ids.ts';
import type { OutagePolicy } from '../../src/admission/outage.ts';
import type { Verdict } from '../../src/admission/verdict.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { value } from '../contract/lease-store.ts';
import { LIMIT, type ModelGate, makeGate, RECOVERY_MS, TTL_MS } from '../model/model-gate.ts';
import { claims } from '../support/claims.ts';
import { leasesOf, newLease, pod1, proxyA } from '../support/names.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const storeTime = () => 1_800_000_000_000 + performance.now();

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore(storeTime);
});

/** A gate that has been there for long enough to know the store, and the store it. */
async function startGate(outage: OutagePolicy): Promise<ModelGate> {
  const gate = makeGate(() => store, outage);
  await pass(RECOVERY_MS, gate);
  return gate;
}

async function pass(ms: number, ...gates: ModelGate[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1000) {
    vi.advanceTimersByTime(1000);
    for (const { reaper } of gates) await reaper.beat();
    for (const { ledger } of gates) await ledger.flush();
  }
}

/** Another Redis answers: the links break, and are up again. */
async function replaceStore(by: MemoryStore, ...gates: ModelGate[]): Promise<void> {
  store = by;
  for (const gate of gates) {
    gate.store.cut('now');
    gate.store.mend();
    await gate.reaper.beat();
    await gate.ledger.flush();
  }
}

const ask = ({ gate }: ModelGate, lease = newLease(proxyA)): Promise<Verdict> =>
  gate.admit({ pod: pod1, lease, path: '/' });

function say({ ledger }: ModelGate, ...leases: LeaseId[]): void {
  const stream = ledger.streams.open(proxyA);
  for (const lease of leases)
    ledger.entries.seen(stream, { pod: pod1, lease, path: '/', state: 'live', periodic: true });
}

async function held(): Promise<LeaseId[]> {
  return (await value(store.leases(pod1, 100))).leases.map(({ lease }) => lease);
}

describe('a store that came back empty', () => {
  it('is not asked before every proxy could speak of its connections, and is then', async () => {
    const gate = await startGate('deny');
    const known = leasesOf(proxyA, LIMIT);
    await replaceStore(new MemoryStore(storeTime), gate);
    expect(await ask(gate)).toMatchObject({ admitted: false, reason: 'STORE_RECOVERING' });
    say(gate, ...known);
    await pass(RECOVERY_MS - 1000, gate);
    expect(await ask(gate)).toMatchObject({ admitted: false, reason: 'STORE_RECOVERING' });
    await pass(1000, gate);
    expect(await ask(gate)).toMatchObject({ admitted: false, reason: 'LIMIT_EXCEEDED' });
    expect((await held()).toSorted()).toEqual(known.toSorted());
  });

  it('changes nothing for a gate that admits within its share: it goes by what it knew before', async () => {
    const gate = await startGate('share');
    const lease = newLease(proxyA);
    await ask(gate, lease);
    await ask(gate);
    await pass(TTL_MS / 10, gate); // it has seen all counts
    await replaceStore(new MemoryStore(storeTime), gate);
    say(gate, lease);
    await pass(1000, gate); // the store has told its own, lower count meanwhile
    expect(await ask(gate)).toMatchObject({ admitted: true, counted: false });
    expect(await ask(gate)).toMatchObject({ admitted: false, reason: 'STORE_RECOVERING' });
  });

  it('gives no share to a gate that has just started', async () => {
    const gate = makeGate(() => store, 'share');
    await pass(RECOVERY_MS - 1000, gate);
    expect(await ask(gate)).toMatchObject({ admitted: false, reason: 'STORE_RECOVERING' });
    await pass(1000, gate);
    expect(await ask(gate)).toMatchObject({ admitted: true, counted: true });
  });

  it('is told at once what was admitted meanwhile', async () => {
    const gate = await startGate('allow');
    await replaceStore(new MemoryStore(storeTime), gate);
    const lease = newLease(proxyA);
    expect(await ask(gate, lease)).toMatchObject({ admitted: true, counted: false });
    expect(await held()).toEqual([lease]);
  });

  it('is not asked by a gate that knew of the loss but has been away since', async () => {
    const gate = await startGate('deny');
    gate.store.cut('now');
    gate.store.mend();
    await gate.ledger.flush();
    expect(await ask(gate)).toMatchObject({ admitted: false, reason: 'STORE_RECOVERING' });
    await pass(1000, gate);
    expect(await ask(gate)).toMatchObject({ admitted: true });
  });
});

describe('a closed connection', () => {
  it('is told again to a store that has lost its release', async () => {
    const gate = await startGate('deny');
    const lease = newLease(proxyA);
    await ask(gate, lease);
    gate.ledger.releases.ended({ pod: pod1, lease });
    await pass(1000, gate);
    expect(await held()).toEqual([]);
    const older = new MemoryStore(storeTime);
    await older.acquire(claims(pod1, LIMIT), lease, TTL_MS, '/');
    await replaceStore(older, gate);
    expect(await held()).toEqual([]);
  });

  it('is not brought back by a gate that let it in alone, and has not heard of its end', async () => {
    const [gate, other] = [await startGate('allow'), await startGate('allow')];
    gate.store.cut('now');
    const lease = newLease(proxyA);
    await ask(gate, lease);
    say(other, lease);
    await pass(1000, other);
    other.ledger.releases.ended({ pod: pod1, lease });
    await pass(TTL_MS / 2, other);
    gate.store.mend();
    await pass(TTL_MS, gate, other);
    expect(await held()).toEqual([]);
  });
});

it('a store that refuses renewals takes no lease, however long its proxy has talked', async () => {
  const gate = await startGate('deny');
  const lease = newLease(proxyA);
  await ask(gate, lease);
  say(gate, lease);
  await pass(TTL_MS, gate);
  vi.spyOn(store, 'renew').mockResolvedValue({ ok: false, why: 'refused', detail: 'TRYAGAIN', maybeDone: false });
  for (let passed = 0; passed < 3 * TTL_MS; passed += 15_000) {
    say(gate, lease);
    await pass(15_000, gate);
  }
  expect(await held()).toEqual([lease]);
});
