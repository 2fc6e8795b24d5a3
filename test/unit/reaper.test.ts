/** When the reaper takes a lease, and when it must not: by the store's clock, turned by hand. */

import { beforeEach, describe, expect, it } from 'vitest';
import { Events } from '../../src/admission/events.ts';
import type { LeaseStore } from '../../src/admission/lease-store.ts';
import { Ledger, type LogStream } from '../../src/admission/ledger.ts';
import { Limits } from '../../src/admission/limits.ts';
import { Presence } from '../../src/admission/presence.ts';
import { Reaper } from '../../src/admission/reaper.ts';
import { Recovery } from '../../src/admission/recovery.ts';
import { Share } from '../../src/admission/share.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { newLease, pod1, proxyA, proxyB } from '../support/names.ts';

const TTL_MS = 60_000;
const GRACE_MS = 300_000;

let nowMs: number;
let store: LeaseStore;

/** One gate on the common store. */
function startGate(gate: string) {
  const events = new Events();
  const presence = new Presence(events, () => ledger, { podsMax: 100, proxiesMax: 100, reserveMs: 20_000 });
  const recovery = new Recovery({ forMs: 0, ttlMs: TTL_MS }, events);
  const limits = new Limits({ default: { connections: 100 }, pods: {} });
  const parts = { store, limits, share: new Share(recovery), recovery, presence, events };
  const ledger = new Ledger(parts, { ttlMs: TTL_MS, recoveryMs: 0, leasesMax: 100, releasesMax: 100 });
  const reaper = new Reaper({ ...parts, ledger }, { gate, ttlMs: TTL_MS, graceMs: GRACE_MS });
  return { ledger, reaper, presence };
}

beforeEach(() => {
  nowMs = 1_800_000_000_000;
  store = new MemoryStore(() => nowMs);
});

/** Beats once a second for that long. */
async function pass(ms: number, ...gates: ReturnType<typeof startGate>[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1000) {
    nowMs += 1000;
    for (const { reaper } of gates) await reaper.beat();
  }
}

async function count(): Promise<number | undefined> {
  const answer = await store.fleet([pod1]);
  return answer.ok ? answer.value.pods[0]?.connections : undefined;
}

/** A lease as a Check leaves it, when Envoy's word of its end is lost. */
async function acquired(gate: ReturnType<typeof startGate>, proxy = proxyA): Promise<void> {
  const lease = newLease(proxy);
  gate.presence.asks(pod1, lease);
  await store.acquire(pod1, lease, 100, TTL_MS, '/');
}

describe('a lease whose end was lost', () => {
  it('goes within two ttls when its proxy talks all the while', async () => {
    const gate = startGate('gate1');
    gate.ledger.open(proxyA);
    await acquired(gate);
    await pass(TTL_MS - 1000, gate);
    expect(await count()).toBe(1);
    await pass(TTL_MS, gate);
    expect(await count()).toBe(0);
  });

  it('stays while its proxy has talked for less than a ttl, however long it is past its expiry', async () => {
    const gate = startGate('gate1');
    await acquired(gate);
    await pass(TTL_MS * 2, gate);
    gate.ledger.open(proxyA);
    await pass(TTL_MS - 1000, gate);
    expect(await count()).toBe(1);
    await pass(TTL_MS / 4, gate);
    expect(await count()).toBe(0);
  });

  it('stays when the proxy was silent for a while: the time before does not count', async () => {
    const gate = startGate('gate1');
    const stream: LogStream = gate.ledger.open(proxyA);
    await acquired(gate);
    await pass(TTL_MS - 5000, gate);
    gate.ledger.close(stream);
    await pass(2000, gate);
    gate.ledger.open(proxyA);
    await pass(TTL_MS - 1000, gate);
    expect(await count()).toBe(1);
  });

  it('stays when another proxy talks', async () => {
    const gate = startGate('gate1');
    gate.ledger.open(proxyB);
    await acquired(gate, proxyA);
    await pass(TTL_MS * 3, gate);
    expect(await count()).toBe(1);
  });

  it('stays for a ttl longer when a gate falls silent: its proxies have to be heard elsewhere first', async () => {
    const [gate, other] = [startGate('gate1'), startGate('gate2')];
    gate.ledger.open(proxyA);
    await acquired(gate);
    await pass(TTL_MS - 8000, gate, other);
    await pass(TTL_MS - 1000, gate);
    expect(await count()).toBe(1);
    await pass(TTL_MS / 4, gate);
    expect(await count()).toBe(0);
  });

  it('stays for a ttl longer when this gate stood still: what it has not read yet may speak of it', async () => {
    const gate = startGate('gate1');
    gate.ledger.open(proxyA);
    await acquired(gate);
    await pass(TTL_MS / 2, gate);
    nowMs += TTL_MS;
    await pass(TTL_MS - 1000, gate);
    expect(await count()).toBe(1);
    await pass(TTL_MS / 4, gate);
    expect(await count()).toBe(0);
  });

  it('does not stay longer when a gate says goodbye', async () => {
    const [gate, other] = [startGate('gate1'), startGate('gate2')];
    gate.ledger.open(proxyA);
    await acquired(gate);
    await pass(TTL_MS - 8000, gate, other);
    await other.reaper.stop();
    await pass(8000 + TTL_MS / 4, gate);
    expect(await count()).toBe(0);
  });
});

describe('the lease of a proxy that died', () => {
  it('goes when no gate has heard that proxy for the grace, and not before', async () => {
    const gate = startGate('gate1');
    await acquired(gate);
    await pass(GRACE_MS - 1000, gate);
    expect(await count()).toBe(1);
    await pass(TTL_MS / 4, gate);
    expect(await count()).toBe(0);
  });

  it('goes even if no heartbeat ever told of the proxy', async () => {
    const gate = startGate('gate1');
    await store.heartbeat({ gate: 'gone', proxies: [], pods: [pod1], gateQuietMs: 0, proxyQuietMs: 0 });
    await store.acquire(pod1, newLease(proxyA), 100, 1000, '/');
    await pass(GRACE_MS, gate);
    expect(await count()).toBe(1);
    await pass(TTL_MS, gate);
    expect(await count()).toBe(0);
  });

  it('stays while another gate hears the proxy', async () => {
    const [gate, other] = [startGate('gate1'), startGate('gate2')];
    await acquired(gate);
    for (let passed = 0; passed < GRACE_MS * 2; passed += 30_000) {
      other.presence.asks(pod1, newLease(proxyA));
      await pass(30_000, gate, other);
    }
    expect(await count()).toBe(1);
  });
});

it('a connection that is renewed is never taken', async () => {
  const gate = startGate('gate1');
  const stream = gate.ledger.open(proxyA);
  const sighting = { pod: pod1, lease: newLease(proxyA), path: '/', state: 'live', periodic: true } as const;
  for (let passed = 0; passed < TTL_MS * 5; passed += 15_000) {
    gate.ledger.seen(stream, sighting);
    await gate.ledger.flush();
    await pass(15_000, gate);
  }
  expect(await count()).toBe(1);
});
