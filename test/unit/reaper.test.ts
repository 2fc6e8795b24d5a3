/** When the reaper takes a lease, and when it must not: by a clock that is turned by hand. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LeaseId, ProxyId } from '../../src/admission/ids.ts';
import type { LogStream } from '../../src/admission/ledger/entries.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { value } from '../contract/lease-store.ts';
import { GRACE_MS, type ModelGate, makeGate, RESERVE_MS, TTL_MS, UNRENEWED_MAX_MS } from '../model/model-gate.ts';
import { claims } from '../support/claims.ts';
import { newLease, pod1, proxyA, proxyB } from '../support/names.ts';

const FLUSH_MS = 15_000;
/** By then a proxy is known to renew, and has been heard without a break for a ttl. */
const KNOWN_MS = 5 * FLUSH_MS + TTL_MS + 10_000;
const PASS_MS = TTL_MS / 10 + 2000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

let stepMs: number;
let store: MemoryStore;
beforeEach(() => {
  stepMs = 0;
  store = new MemoryStore(() => 1_800_000_000_000 + performance.now() + stepMs);
});

/** A connection that its proxy speaks of at each interval, on a log stream of its own. */
interface Told {
  readonly gate: ModelGate;
  readonly lease: LeaseId;
  stream: LogStream;
  nextMs: number;
}

let told: Told[];
beforeEach(() => {
  told = [];
});

const startGate = () => makeGate(() => store, 'deny', 0, 100);

function say({ gate, lease, stream }: Told, periodic = true): void {
  gate.ledger.entries.seen(stream, { pod: pod1, lease, path: '/', state: 'live', periodic });
}

function connect(gate: ModelGate, proxy: ProxyId = proxyA): Told {
  const stream = gate.ledger.streams.open(proxy, () => 3000);
  const connection = { gate, lease: newLease(proxy), stream, nextMs: performance.now() + FLUSH_MS };
  told.push(connection);
  say(connection, false);
  return connection;
}

/** Seconds go by; gates beat, and Envoys speak. */
async function pass(ms: number, ...gates: ModelGate[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1000) {
    vi.advanceTimersByTime(1000);
    for (const connection of told) {
      if (performance.now() < connection.nextMs) continue;
      connection.nextMs += FLUSH_MS;
      say(connection);
    }
    for (const { ledger, reaper } of gates) {
      await ledger.flush();
      await reaper.beat();
    }
  }
}

async function held(): Promise<LeaseId[]> {
  return (await value(store.leases(pod1, 100))).leases.map(({ lease }) => lease);
}

/** A lease as a Check leaves it, when every word of it is lost. */
async function acquired(gate: ModelGate, proxy = proxyA): Promise<LeaseId> {
  const lease = newLease(proxy);
  gate.presence.asks(pod1, lease);
  await store.acquire(claims(pod1, 100), lease, RESERVE_MS, '/');
  return lease;
}

/** A lease whose connection was told, and whose end was lost. */
async function endLost(gate: ModelGate, ...gates: ModelGate[]): Promise<Told> {
  const connection = connect(gate);
  await pass(2 * FLUSH_MS, gate, ...gates);
  told = told.filter((each) => each !== connection);
  return connection;
}

describe('a lease whose end was lost', () => {
  it('goes within two ttls of its last word when its proxy renews all the while', async () => {
    const gate = startGate();
    connect(gate);
    await pass(KNOWN_MS, gate);
    const { lease } = await endLost(gate);
    await pass(TTL_MS - FLUSH_MS, gate);
    expect(await held()).toContain(lease);
    await pass(TTL_MS, gate);
    expect(await held()).not.toContain(lease);
  });

  it('goes, too, when a gate died in the moment in which it was told, and all of it was lost', async () => {
    const [gate, other] = [startGate(), startGate()];
    connect(gate);
    await pass(KNOWN_MS, gate, other);
    const lease = await acquired(gate);
    connect(other).nextMs = Number.POSITIVE_INFINITY; // it dies: nothing is heard of this one, either
    await pass(1000, gate, other);
    await pass(RESERVE_MS + TTL_MS + KNOWN_MS, gate);
    expect(await held()).not.toContain(lease);
  });

  it('stays while nobody knows that its proxy renews', async () => {
    const gate = startGate();
    gate.ledger.streams.open(proxyA);
    const lease = await acquired(gate);
    await pass(GRACE_MS * 2, gate);
    expect(await held()).toEqual([lease]);
  });

  it('stays as long as its proxy was ever silent of one that lived', async () => {
    const gate = startGate();
    const slow = connect(gate);
    for (let i = 0; i < 5; i += 1) {
      slow.nextMs += 2 * TTL_MS; // it is told every two ttls
      await pass(2 * TTL_MS + FLUSH_MS, gate);
    }
    const { lease } = await endLost(gate);
    await pass(4 * TTL_MS, gate);
    expect(await held()).toContain(lease);
    expect(await held()).toContain(slow.lease);
  });

  it('stays when its proxy was not heard for a while: the time before does not count', async () => {
    const gate = startGate();
    const speaker = connect(gate);
    await pass(KNOWN_MS, gate);
    const { lease } = await endLost(gate);
    await pass(TTL_MS - 5000, gate);
    gate.ledger.streams.close(speaker.stream);
    await pass(2000, gate);
    speaker.stream = gate.ledger.streams.open(proxyA, () => 3000);
    say(speaker);
    await pass(TTL_MS - 2000, gate);
    expect(await held()).toContain(lease);
    await pass(PASS_MS + 2000, gate);
    expect(await held()).not.toContain(lease);
  });

  it('stays when another proxy talks', async () => {
    const gate = startGate();
    connect(gate, proxyB);
    await pass(KNOWN_MS, gate);
    const lease = await acquired(gate, proxyA);
    await pass(TTL_MS * 3, gate);
    expect(await held()).toContain(lease);
  });

  it('stays when a gate hangs that heard of it, as long as its proxy would not leave that gate', async () => {
    const [gate, hung] = [startGate(), startGate()];
    connect(gate);
    await pass(KNOWN_MS, gate, hung);
    const there = connect(hung);
    told = told.filter((each) => each !== there);
    say(there);
    there.stream = hung.ledger.streams.open(proxyA, () => 0);
    say(there);
    const here = told.find((each) => each.gate === gate);
    if (here) here.stream = gate.ledger.streams.open(proxyA, () => 0);
    await pass(TTL_MS / 5, gate, hung);
    await pass(GRACE_MS * 3, gate); // the other one says nothing any more
    expect(await held()).toContain(there.lease);
  });

  it('goes when a gate has died that heard of it, and its proxy would have left one that hangs', async () => {
    const [gate, dead] = [startGate(), startGate()];
    connect(gate);
    await pass(KNOWN_MS, gate, dead);
    const there = connect(dead);
    told = told.filter((each) => each !== there);
    await pass(TTL_MS / 5, gate, dead);
    await pass(TTL_MS / 2, gate);
    expect(await held()).toContain(there.lease);
    await pass(2 * TTL_MS, gate);
    expect(await held()).not.toContain(there.lease);
  });

  it('stays for a ttl longer when this gate stood still: what it has not read yet may speak of it', async () => {
    const gate = startGate();
    connect(gate);
    await pass(KNOWN_MS, gate);
    const { lease } = await endLost(gate);
    vi.advanceTimersByTime(TTL_MS);
    await pass(TTL_MS - 2000, gate);
    expect(await held()).toContain(lease);
    await pass(2000 + PASS_MS, gate);
    expect(await held()).not.toContain(lease);
  });

  it('does not stay longer when a gate leaves', async () => {
    const [gate, other] = [startGate(), startGate()];
    connect(gate);
    await pass(KNOWN_MS, gate, other);
    const { lease } = await endLost(gate, other);
    await other.reaper.stop();
    await pass(2 * TTL_MS - FLUSH_MS, gate);
    expect(await held()).not.toContain(lease);
  });
});

describe('a live connection of which nothing is heard', () => {
  it('keeps its slot when its log entries are filtered, and others of its proxy are not', async () => {
    const gate = startGate();
    connect(gate);
    await pass(FLUSH_MS, gate);
    const overlooked = await acquired(gate);
    await pass(4 * GRACE_MS, gate);
    expect(await held()).toContain(overlooked);
    expect([...gate.evidence.unrenewed]).toEqual([[proxyA, 'some']]);
  });

  it('keeps its slot when its listener sends no periodic entries, and another of its proxy does', async () => {
    const gate = startGate();
    connect(gate);
    await pass(KNOWN_MS, gate);
    const opened = connect(gate);
    told = told.filter((each) => each !== opened);
    await pass(4 * GRACE_MS, gate);
    expect(await held()).toContain(opened.lease);
    expect([...gate.evidence.unrenewed]).toEqual([[proxyA, 'some']]);
  });

  it('keeps its slot when its proxy sends no periodic entries at all, which is told within two usual intervals', async () => {
    const gate = startGate();
    const opened = connect(gate);
    opened.nextMs = Number.POSITIVE_INFINITY;
    await pass(2 * FLUSH_MS, gate);
    expect([...gate.evidence.unrenewed]).toEqual([[proxyA, 'nothing']]);
    await pass(4 * GRACE_MS, gate);
    expect(await held()).toEqual([opened.lease]);
    gate.ledger.releases.ended({ pod: pod1, lease: opened.lease });
    await gate.ledger.flush();
    expect(await held()).toEqual([]);
  });

  it('loses its slot after `lease.unrenewedMax`, and that is told', async () => {
    const gate = startGate();
    connect(gate).nextMs = Number.POSITIVE_INFINITY;
    await pass(5000, gate);
    const released = vi.fn();
    gate.events.on('released', released);
    vi.advanceTimersByTime(UNRENEWED_MAX_MS);
    await pass(PASS_MS, gate);
    expect(await held()).toEqual([]);
    expect(released).toHaveBeenCalledWith(pod1, 'outlived', 1);
  });
});

describe('a connection for which a stream was held until it broke', () => {
  function hold(gate: ModelGate, proxy = proxyA) {
    const upgrade = { pod: pod1, lease: newLease(proxy), path: '/', close() {} };
    gate.ledger.holds.open(upgrade);
    return { lease: upgrade.lease, breaks: () => gate.ledger.holds.lost(upgrade) };
  }

  /** A proxy that renews, and whose log tells of connections that streams hold, if `tellsHeld`. */
  async function known(gate: ModelGate, { tellsHeld }: { tellsHeld: boolean }): Promise<Told> {
    const connection = connect(gate);
    await pass(KNOWN_MS, gate);
    if (!tellsHeld) return connection;
    const both = connect(gate);
    const upgrade = { pod: pod1, lease: both.lease, path: '/', close() {} };
    gate.ledger.holds.open(upgrade);
    await pass(PASS_MS, gate);
    told = told.filter((each) => each !== both);
    gate.ledger.holds.ended(upgrade);
    return connection;
  }

  /** All that the Envoy had open breaks, and it says nothing more. */
  async function crash(gate: ModelGate, ...held: ReturnType<typeof hold>[]): Promise<void> {
    for (const each of held) each.breaks();
    for (const { stream } of told) gate.ledger.streams.close(stream);
    told = [];
    await pass(GRACE_MS + KNOWN_MS, gate);
  }

  it('goes with its proxy, although its log had not told it yet, if that log tells of such connections', async () => {
    const gate = startGate();
    const unheld = vi.fn();
    gate.events.on('unheld', unheld);
    await known(gate, { tellsHeld: true });
    const young = hold(gate);
    await pass(2000, gate);
    await crash(gate, young);
    expect(await held()).not.toContain(young.lease);
    expect(unheld).not.toHaveBeenCalled();
  });

  it('goes, too, when the stream that held it at another gate broke a moment later than its log', async () => {
    const [gate, other] = [startGate(), startGate()];
    const { stream } = await known(gate, { tellsHeld: true });
    await pass(PASS_MS, gate, other);
    told = [];
    gate.ledger.streams.close(stream);
    await pass(1000, gate, other);
    const young = hold(other);
    await pass(1000, gate, other);
    young.breaks();
    await pass(GRACE_MS + KNOWN_MS, gate, other);
    expect(await held()).not.toContain(young.lease);
  });

  it('stays if that log has never told of such a connection: it belongs to a listener that is not logged', async () => {
    const gate = startGate();
    const unheld = vi.fn();
    gate.events.on('unheld', unheld);
    await known(gate, { tellsHeld: false });
    const young = hold(gate);
    await pass(2000, gate);
    await crash(gate, young);
    expect(await held()).toEqual([young.lease]);
    expect(unheld).toHaveBeenCalledExactlyOnceWith(proxyA, 1);
  });

  it('stays if it was held for so long that its log would have told it, and so do younger ones', async () => {
    const gate = startGate();
    await known(gate, { tellsHeld: true });
    const old = hold(gate);
    await pass(2 * TTL_MS, gate);
    expect([...gate.evidence.unrenewed]).toEqual([[proxyA, 'some']]);
    const young = hold(gate);
    await pass(2000, gate);
    await crash(gate, old, young);
    expect(await held()).toEqual(expect.arrayContaining([old.lease, young.lease]));
  });

  it('is not overdue where the log of its proxy was interrupted meanwhile', async () => {
    const gate = startGate();
    const other = await known(gate, { tellsHeld: true });
    hold(gate);
    await pass(TTL_MS - 5000, gate);
    gate.ledger.streams.close(other.stream);
    told = [];
    await pass(TTL_MS - 5000, gate);
    expect([...gate.evidence.unrenewed]).toEqual([]);
  });

  it('says nothing of a proxy that has only the hold door', async () => {
    const gate = startGate();
    hold(gate);
    await pass(3 * TTL_MS, gate);
    expect([...gate.evidence.unrenewed]).toEqual([]);
  });
});

describe('the lease of a proxy that died', () => {
  /** A proxy that renews, and falls silent. */
  async function died(gate: ModelGate, ...gates: ModelGate[]): Promise<LeaseId> {
    const connection = connect(gate);
    await pass(KNOWN_MS, gate, ...gates);
    told = [];
    gate.ledger.streams.close(connection.stream);
    return connection.lease;
  }

  it('goes when no gate has heard that proxy for the grace, and not before', async () => {
    const gate = startGate();
    const lease = await died(gate);
    await pass(GRACE_MS - 1000, gate);
    expect(await held()).toEqual([lease]);
    await pass(TTL_MS / 4, gate);
    expect(await held()).toEqual([]);
  });

  it('stays for another grace when no gate was there to hear it', async () => {
    const lease = await died(startGate());
    vi.advanceTimersByTime(2 * GRACE_MS); // all gates are down
    const gate = startGate();
    await pass(GRACE_MS - 5000, gate);
    expect(await held()).toEqual([lease]);
    await pass(TTL_MS / 2, gate);
    expect(await held()).toEqual([]);
  });

  it('stays for another grace when the store was away for longer than that', async () => {
    const gate = startGate();
    const lease = await died(gate);
    gate.store.cut('now');
    await pass(2 * GRACE_MS, gate);
    gate.store.mend();
    await pass(GRACE_MS - 5000, gate);
    expect(await held()).toEqual([lease]);
    await pass(TTL_MS / 2, gate);
    expect(await held()).toEqual([]);
  });

  it('stays while another gate hears the proxy', async () => {
    const [gate, other] = [startGate(), startGate()];
    const lease = await died(gate, other);
    for (let passed = 0; passed < GRACE_MS * 2; passed += 30_000) {
      other.presence.asks(pod1, newLease(proxyA));
      await pass(30_000, gate, other);
    }
    expect(await held()).toEqual([lease]);
  });

  it('stays where it is not known to renew: it may have nothing to say', async () => {
    const gate = startGate();
    const lease = await acquired(gate);
    await pass(3 * GRACE_MS, gate);
    expect(await held()).toEqual([lease]);
  });
});

describe("when the store's clock is set", () => {
  it.each([
    ['forward by more than the grace', 2 * GRACE_MS],
    ['back by an hour', -3_600_000],
  ])('%s, no live connection loses its slot, and lost ends are found as ever', async (_how, ms) => {
    const gate = startGate();
    const { lease } = connect(gate);
    connect(gate, proxyB);
    await pass(KNOWN_MS, gate);
    const stepped = vi.fn();
    gate.events.on('clockStepped', stepped);
    stepMs += ms;
    await pass(1000, gate);
    expect(stepped).toHaveBeenCalledWith(ms);
    await pass(TTL_MS, gate);
    expect(await held()).toContain(lease);
    const lost = await endLost(gate);
    await pass(2 * TTL_MS, gate);
    expect(await held()).not.toContain(lost.lease);
    expect(await held()).toContain(lease);
  });
});

describe('a lease that was taken by silence and is spoken of again', () => {
  /** Silence that nobody could have told from a lost end. */
  async function wrong(gate: ModelGate): Promise<Told> {
    connect(gate);
    await pass(KNOWN_MS, gate);
    const silent = await endLost(gate);
    await pass(2 * TTL_MS, gate);
    expect(await held()).not.toContain(silent.lease);
    return silent;
  }

  it.each([
    ['by a late entry', (silent: Told) => say(silent)],
    ['by its end', ({ gate, lease }: Told) => gate.ledger.releases.ended({ pod: pod1, lease })],
  ])('%s, is told, and that silence is not trusted any more', async (_how, speak) => {
    const gate = startGate();
    const silent = await wrong(gate);
    const contradicted = vi.fn();
    gate.events.on('contradicted', contradicted);
    speak(silent);
    await pass(2000, gate);
    expect(contradicted).toHaveBeenCalledExactlyOnceWith(proxyA, 1);
    const next = await endLost(gate);
    await pass(4 * TTL_MS, gate);
    expect(await held()).toContain(next.lease);
    expect([...gate.evidence.unrenewed]).toEqual([[proxyA, 'wrong']]);
    await pass(70 * TTL_MS, gate);
    expect(await held()).not.toContain(next.lease);
    expect([...gate.evidence.unrenewed]).toEqual([]);
  });
});

describe('a proxy that asks', () => {
  const unheard = (gate: ModelGate) => {
    const named: ProxyId[] = [];
    gate.events.on('unheard', (proxy) => named.push(proxy));
    return named;
  };
  const ask = (gate: ModelGate, proxy = proxyA) => gate.gate.admit({ pod: pod1, lease: newLease(proxy), path: '/' });

  it('and of which nothing is heard is named within half a minute, once', async () => {
    const gate = startGate();
    const named = unheard(gate);
    await pass(PASS_MS, gate);
    await ask(gate);
    await pass(19_000, gate);
    expect(named).toEqual([]);
    await pass(11_000, gate);
    expect(named).toEqual([proxyA]);
    await ask(gate);
    await pass(TTL_MS, gate);
    expect(named).toEqual([proxyA]);
  });

  it('is not named when its log speaks to another gate, or it uses the hold door', async () => {
    const [gate, other] = [startGate(), startGate()];
    const named = unheard(gate);
    await pass(PASS_MS, gate, other);
    await ask(gate);
    connect(other);
    await ask(gate, proxyB);
    gate.ledger.holds.usedBy(proxyB);
    await pass(TTL_MS, gate, other);
    expect(named).toEqual([]);
  });
});

it('a proxy whose connections are only held stays a member of the fleet, however long nothing else is heard of it', async () => {
  const gate = startGate();
  await gate.gate.admit({ pod: pod1, lease: newLease(proxyB), path: '/' });
  gate.ledger.holds.open({ pod: pod1, lease: newLease(proxyB), path: '/', close() {} });
  await pass(3 * GRACE_MS, gate);
  expect(await value(store.proxies())).toContain(proxyB);
});

it('a connection that is renewed is never taken', async () => {
  const gate = startGate();
  const { lease } = connect(gate);
  await pass(TTL_MS * 5, gate);
  expect(await held()).toEqual([lease]);
});

describe('a log stream that broke, and of which nothing is heard again', () => {
  it('may go on at a gate that does not reach the store: while that one is missing, its connections stay', async () => {
    const [gate, cutOff] = [startGate(), startGate()];
    connect(gate); // another worker of the same proxy, heard all the while
    const elsewhere = connect(gate);
    await pass(KNOWN_MS, gate, cutOff);
    cutOff.store.cut('now');
    gate.ledger.streams.close(elsewhere.stream);
    told = told.filter((each) => each !== elsewhere); // the gate that hears of it cannot say so
    await pass(GRACE_MS - TTL_MS, gate, cutOff);
    expect(await held()).toContain(elsewhere.lease);
  });

  it('may have gone from a gate that died to one that does not reach the store', async () => {
    const [gate, dead, cutOff] = [startGate(), startGate(), startGate()];
    connect(gate);
    await pass(KNOWN_MS, gate, dead, cutOff);
    const there = connect(dead);
    await pass(FLUSH_MS, gate, dead, cutOff);
    cutOff.store.cut('now');
    told = told.filter((each) => each !== there); // the gate that hears of it cannot say so
    await pass(GRACE_MS - TTL_MS, gate, cutOff);
    expect(await held()).toContain(there.lease);
  });

  it('has ended with its connections where every gate is there', async () => {
    const [gate, other] = [startGate(), startGate()];
    connect(gate);
    const gone = connect(gate);
    await pass(KNOWN_MS, gate, other);
    gate.ledger.streams.close(gone.stream);
    told = told.filter((each) => each !== gone);
    await pass(2 * TTL_MS, gate, other);
    expect(await held()).not.toContain(gone.lease);
  });
});
