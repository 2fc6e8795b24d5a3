/** Without the store, a slot that is freed is used again by one gate, although two gates hear of its end. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Held } from '../../src/admission/ledger/holds.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { makeGate, TTL_MS } from '../model/model-gate.ts';
import { newLease, pod1, proxyA } from '../support/names.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const LIMIT = 10;
const lease = newLease(proxyA);
const upgrade = { pod: pod1, lease, path: '/' } as const;

/**
 * A full pod; one of its connections is logged to one gate, and held by that one or the other. Then the store goes away, and
 * the connection closes. Returns how many new ones the gates admit in its place.
 */
async function admittedAfterClose({ isGiven, sameGate }: { isGiven: boolean; sameGate: boolean }): Promise<number> {
  const store = new MemoryStore(() => 1_800_000_000_000 + performance.now());
  const gates = [makeGate(() => store, 'share', 0, LIMIT), makeGate(() => store, 'share', 0, LIMIT)] as const;
  const beat = async () => {
    for (const { ledger, reaper } of gates) {
      await ledger.flush();
      await reaper.beat();
    }
  };
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 1000) {
      vi.advanceTimersByTime(1000);
      await beat();
    }
  };
  await pass(2000);
  const [logged, other] = gates;
  for (let i = 1; i < LIMIT; i += 1) await other.gate.admit({ ...upgrade, lease: newLease(proxyA) });
  await logged.gate.admit(upgrade);
  const holder = sameGate ? logged : other;
  const held: Held = { ...upgrade, ...(isGiven ? { isGiven } : {}), close: () => {} };
  holder.ledger.holds.open(held);
  logged.ledger.entries.seen(logged.ledger.streams.open(proxyA), { ...upgrade, state: 'live', periodic: true });
  await pass(TTL_MS / 2);
  for (const gate of gates) gate.store.cut('now');
  holder.ledger.holds.ended(held);
  logged.ledger.releases.ended({ pod: pod1, lease, isOurs: isGiven || logged.ledger.entries.isHeld(lease) });
  let admitted = 0;
  for (const { gate } of gates)
    for (let i = 0; i < 3; i += 1)
      if ((await gate.admit({ ...upgrade, lease: newLease(proxyA) })).admitted) admitted += 1;
  return admitted;
}

it.each([
  ['ext_authz gave the slot, one gate hears both doors', { isGiven: true, sameGate: true }],
  ['ext_authz gave the slot, each gate hears one door', { isGiven: true, sameGate: false }],
  ['the hold door gave the slot, one gate hears both doors', { isGiven: false, sameGate: true }],
  ['the hold door gave the slot, each gate hears one door', { isGiven: false, sameGate: false }],
])('%s', async (_how, how) => {
  expect(await admittedAfterClose(how)).toBe(1);
});
