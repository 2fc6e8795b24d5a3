/**
 * A Check that Envoy gave up while the gate had no store, and whose connection is open all the same: let in without an
 * answer, or asked for again elsewhere. Its lease must not be released when the store is back.
 */

import { beforeEach, expect, it } from 'vitest';
import type { LeaseStore } from '../../src/admission/lease-store.ts';
import type { Upgrade } from '../../src/admission/verdict.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { value } from '../contract/lease-store.ts';
import { type ModelGate, makeGate } from '../model/model-gate.ts';
import { newLease, pod1, proxyA } from '../support/names.ts';

let store: LeaseStore;
let gate: ModelGate;
let other: ModelGate;
beforeEach(async () => {
  store = new MemoryStore(Date.now);
  gate = makeGate(() => store, 'share', 0);
  other = makeGate(() => store, 'deny', 0);
  await gate.reaper.beat(); // the gate knows the counts, and has a share
  await other.reaper.beat();
});

async function giveUp(upgrade: Upgrade): Promise<void> {
  const verdict = gate.gate.admit(upgrade);
  gate.gate.abandon(upgrade);
  await verdict;
  await new Promise((resolve) => setTimeout(resolve)); // what it says to the store, it says within two turns
}

const newUpgrade = (): Upgrade => ({ pod: pod1, lease: newLease(proxyA), path: '/' });

/** With both gates in step. */
async function held(): Promise<string[]> {
  await gate.reaper.beat();
  await gate.ledger.flush();
  return (await value(store.leases(pod1, 10))).leases.map(({ lease }) => lease);
}

it('keeps its lease when Envoy let it in without an answer', async () => {
  const upgrade = newUpgrade();
  gate.store.cut('now');
  await giveUp(upgrade);
  gate.ledger.entries.seen(gate.ledger.streams.open(proxyA), { ...upgrade, state: 'live', periodic: false });
  gate.store.mend();
  expect(await held()).toEqual([upgrade.lease]);
});

it('keeps its lease when another gate let it in', async () => {
  const upgrade = newUpgrade();
  gate.store.cut('now');
  await giveUp(upgrade);
  await other.gate.admit(upgrade);
  gate.store.mend();
  expect(await held()).toEqual([upgrade.lease]);
});

it('keeps its lease when another gate let it in, and the store had not said what it did with the first question', async () => {
  const upgrade = newUpgrade();
  gate.store.cut('in the next call');
  await giveUp(upgrade);
  await other.gate.admit(upgrade);
  gate.store.mend();
  expect(await held()).toEqual([upgrade.lease]);
});

it('keeps its lease when another gate let it in before the answer to the first question came', async () => {
  const upgrade = newUpgrade();
  const verdict = gate.gate.admit(upgrade);
  await other.gate.admit(upgrade);
  gate.gate.abandon(upgrade);
  await verdict;
  await new Promise((resolve) => setTimeout(resolve));
  expect(await held()).toEqual([upgrade.lease]);
});

it('is not told to the store as if it were open', async () => {
  const upgrade = newUpgrade();
  gate.store.cut('in the next call');
  await giveUp(upgrade);
  await value(store.release(pod1, [upgrade.lease], 60_000)); // the log told its end to another gate
  gate.store.mend();
  expect(await held()).toEqual([]);
});

it('gives its lease back at once when the store answers', async () => {
  const upgrade = newUpgrade();
  await giveUp(upgrade);
  expect(await held()).toEqual([]);
});

it('leaves no slot taken where nobody asks again and no log tells: the hold door, whose store is away meanwhile', async () => {
  const upgrade = newUpgrade();
  const verdict = gate.gate.admit(upgrade);
  gate.store.cut('now');
  gate.gate.giveUp(upgrade);
  await verdict;
  await new Promise((resolve) => setTimeout(resolve));
  gate.store.mend();
  expect(await held()).toEqual([]);
});
