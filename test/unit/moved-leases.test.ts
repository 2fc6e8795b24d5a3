/** A connection whose route was chosen again: its slot follows it from one pod to another, whatever else happens. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { PodId } from '../../src/admission/ids.ts';
import type { Held } from '../../src/admission/ledger/holds.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { value } from '../contract/lease-store.ts';
import { type ModelGate, makeGate, TTL_MS } from '../model/model-gate.ts';
import { newLease, pod1, pod2, podId, podsOf, proxyA, serviceId } from '../support/names.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const newStore = () => new MemoryStore(() => 1_800_000_000_000 + performance.now());
const pod3 = podId('pod3');

/** Two gates; one gives way to the other where a test needs only one. */
async function fleet() {
  let store = newStore();
  const gates = [makeGate(() => store, 'allow', 0), makeGate(() => store, 'allow', 0)] as const;
  const pass = async (ms: number, each = () => {}) => {
    for (let passed = 0; passed < ms; passed += 1000) {
      vi.advanceTimersByTime(1000);
      each();
      for (const { ledger, reaper } of gates) {
        await ledger.flush();
        await reaper.beat();
      }
    }
  };
  await pass(1000);
  const counts = async () => {
    const { pods } = await value(store.fleet([pod1, pod2, pod3]));
    return pods.map(({ connections }) => connections);
  };
  const lose = () => {
    store = newStore();
    for (const gate of gates) {
      gate.store.cut('now');
      gate.store.mend();
    }
  };
  return { gates, pass, counts, lose };
}

const lease = newLease(proxyA);
const upgrade = { pod: pod1, lease, path: '/' } as const;
const moved = { ...upgrade, pod: pod2, movedFrom: pod1, state: 'live', periodic: true } as const;
const held: Held = { ...upgrade, close: () => {} };

it('it counts at the new pod only, as soon as it counts there, and no late word puts it back', async () => {
  const { gates, pass, counts } = await fleet();
  const [{ gate, ledger, events, holdings }] = gates;
  const released: unknown[] = [];
  events.on('released', (...args) => released.push(args));
  await gate.admit(upgrade);
  expect(await counts()).toEqual([1, 0, 0]);
  const stream = ledger.streams.open(proxyA);
  ledger.entries.seen(stream, { ...upgrade, state: 'live', periodic: false });
  await pass(1000);
  ledger.entries.seen(stream, moved);
  expect([holdings.holdsPod(pod1), holdings.holdsPod(pod2)]).toEqual([false, true]);
  await pass(1000);
  expect(await counts()).toEqual([0, 1, 0]);
  expect(released).toEqual([[pod1, 'moved', 1]]);
  ledger.entries.seen(stream, { ...upgrade, state: 'live', periodic: true });
  gates[1].ledger.entries.seen(gates[1].ledger.streams.open(proxyA), { ...upgrade, state: 'live', periodic: false });
  await pass(2000);
  expect(await counts()).toEqual([0, 1, 0]);
  ledger.releases.ended({ pod: pod2, lease, movedFrom: pod1 });
  await pass(1000);
  expect(await counts()).toEqual([0, 0, 0]);
});

it('the stream that is held for it at the same gate renews it where it is, and its end frees it there', async () => {
  const { gates, pass, counts } = await fleet();
  const [{ gate, ledger }] = gates;
  await gate.admit(upgrade);
  ledger.holds.open(held);
  ledger.entries.seen(ledger.streams.open(proxyA), moved);
  await pass(3 * TTL_MS);
  expect(await counts()).toEqual([0, 1, 0]);
  expect(ledger.holds.podOf(lease)).toBe(pod2);
  ledger.holds.ended(held);
  await pass(1000);
  expect(await counts()).toEqual([0, 0, 0]);
});

it('the stream that is held for it at another gate does not make it count twice, however long', async () => {
  const { gates, pass, counts } = await fleet();
  const [{ gate, ledger }, holder] = gates;
  await gate.admit(upgrade);
  holder.ledger.holds.open(held);
  const stream = ledger.streams.open(proxyA);
  ledger.entries.seen(stream, moved);
  let seconds = 0;
  await pass(5 * TTL_MS, () => {
    seconds += 1;
    if (seconds % 15 === 0) ledger.entries.seen(stream, moved);
  });
  expect(await counts()).toEqual([0, 1, 0]);
});

it('it counts once however long, where the log told of the move once and does not renew', async () => {
  const { gates, pass, counts } = await fleet();
  const [{ gate, ledger }, holder] = gates;
  await gate.admit(upgrade);
  holder.ledger.holds.open(held);
  ledger.entries.seen(ledger.streams.open(proxyA), { ...moved, periodic: false });
  for (let ttls = 0; ttls < 8; ttls += 1) {
    await pass(TTL_MS);
    expect(await counts()).toEqual([0, 1, 0]);
  }
});

it('what the log says of it counts for more than what the hold door saw before', async () => {
  const { gates, pass, counts } = await fleet();
  const [{ gate, ledger }] = gates;
  await gate.admit(upgrade);
  const stillElsewhere: Held = { ...held, pod: pod3, movedFrom: pod1 };
  ledger.holds.open(stillElsewhere);
  await pass(1000);
  expect(await counts()).toEqual([0, 0, 1]);
  ledger.entries.seen(ledger.streams.open(proxyA), moved);
  await pass(2 * TTL_MS);
  expect(await counts()).toEqual([0, 1, 0]);
  ledger.holds.ended(stillElsewhere);
  await pass(1000);
  expect(await counts()).toEqual([0, 0, 0]);
});

it('it counts once after the store has lost everything', async () => {
  const { gates, pass, counts, lose } = await fleet();
  const [{ gate, ledger }, holder] = gates;
  await gate.admit(upgrade);
  const stream = ledger.streams.open(proxyA);
  holder.ledger.holds.open(held);
  ledger.entries.seen(stream, moved);
  await pass(2000);
  lose();
  await pass(20_000, () => ledger.entries.seen(stream, moved));
  expect(await counts()).toEqual([0, 1, 0]);
});

it('moved while the store is away, it frees its place there and takes one here', async () => {
  const { gates, pass, counts } = await fleet();
  const [{ gate, ledger, store }] = gates;
  await pass(2000);
  store.cut('now');
  await gate.admit(upgrade);
  ledger.entries.seen(ledger.streams.open(proxyA), moved);
  await pass(2000);
  store.mend();
  await pass(4000);
  expect(await counts()).toEqual([0, 1, 0]);
});

it('of a service it is where the log tells it, whatever pods gates without the store have chosen for it', async () => {
  const chat = serviceId('chat');
  const [podA, podB] = podsOf(chat, 2) as [PodId, PodId];
  const store = newStore();
  const known = new Map([[chat, [podA, podB]]]);
  const gates = [0, 1].map(() => makeGate(() => store, 'allow', 0, 5, known)) as [ModelGate, ModelGate];
  const flush = async () => {
    for (const { ledger, reaper } of gates) {
      await ledger.flush();
      await reaper.beat();
    }
  };
  await flush();
  for (const each of gates) each.store.cut('now');
  const placed = { service: chat, lease, path: '/' };
  const verdict = await gates[0].gate.admit(placed);
  await gates[1].gate.admit(placed); // Envoy has tired of waiting for the first, and asks another
  const elsewhere = verdict.admitted && verdict.pod === podA ? podB : podA;
  const { ledger } = gates[1];
  ledger.entries.seen(ledger.streams.open(proxyA), { pod: elsewhere, lease, path: '/', state: 'live', periodic: true });
  for (const each of gates) each.store.mend();
  for (let passed = 0; passed < 5; passed += 1) {
    vi.advanceTimersByTime(1000);
    await flush();
  }
  const { pods } = await value(store.fleet([podA, podB]));
  expect(pods.filter(({ connections }) => connections > 0).map(({ pod }) => pod)).toEqual([elsewhere]);
  for (const { enrolment } of gates) enrolment.stop();
});
