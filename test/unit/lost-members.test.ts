/**
 * A store that comes back empty has forgotten which gates there are, so nobody misses one that does not find its way
 * back to it. What the others then hear of a proxy is not all that it says.
 */

import { expect, it } from 'vitest';
import { MemoryStore } from '../../src/store/memory.ts';
import { value } from '../contract/lease-store.ts';
import { makeGate, RESERVE_MS, TTL_MS } from '../model/model-gate.ts';
import { newLease, pod1, proxyA } from '../support/names.ts';

it('keeps the lease of a live connection whose gate was away when the store lost everything', async () => {
  let nowMs = 1_800_000_000_000;
  let store = new MemoryStore(() => nowMs);
  const [gate, away] = [makeGate(() => store, 'deny', 0), makeGate(() => store, 'deny', 0)];
  gate.ledger.streams.open(proxyA); // one worker of the proxy logs to this gate, another to that one
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 1000) {
      nowMs += 1000;
      for (const { reaper } of [gate, away]) await reaper.beat();
    }
  };
  await pass(TTL_MS + 10_000);
  away.store.cut('now');
  store = new MemoryStore(() => nowMs);
  await pass(1000);

  const upgrade = { pod: pod1, lease: newLease(proxyA), path: '/' };
  await gate.gate.admit(upgrade);
  away.ledger.entries.seen(away.ledger.streams.open(proxyA), { ...upgrade, state: 'live', periodic: false });
  await pass(RESERVE_MS + 10_000);
  expect((await value(store.leases(pod1, 10))).leases).toHaveLength(1);
});
