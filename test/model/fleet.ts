/**
 * A fleet on a table: gates as they are, Envoys and their connections as plain data, and a clock that stands still
 * between steps. Its open connections are the truth that the count is held against.
 */

import { expect, vi } from 'vitest';
import type { LeaseId, PodId, ProxyId } from '../../src/admission/ids.ts';
import type { OutagePolicy } from '../../src/admission/outage.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { value } from '../contract/lease-store.ts';
import { newLease, pod1, pod2, proxyA, proxyB } from '../support/names.ts';
import { AccessLog, type Connection, type Fate, type Worker } from './access-log.ts';
import { LIMIT, type ModelGate, makeGate, RECOVERY_MS, RESERVE_MS, TTL_MS } from './model-gate.ts';

const FLUSH_INTERVAL_MS = 15_000;
const TICK_MS = 1000;
/** By then the others have noticed that a gate is silent. */
const MISSED_MS = 6000;
export const pods = [pod1, pod2] as const;

/** Where a gate's store is away: since when, and until when. */
interface Cut {
  readonly sinceMs: number;
  readonly untilMs: number;
}

export class Fleet {
  readonly gates: ModelGate[];
  readonly workers: readonly Worker[];
  readonly log: AccessLog;
  /** Those that are open, and what the step that is being taken adds. */
  connections: Connection[] = [];
  /** Whether all that is open was admitted with the store's word, and every gate could tell it what it had lost. */
  exact = true;
  readonly #outage: OutagePolicy;
  readonly #cuts = new Map<ModelGate, Cut>();
  #store = new MemoryStore(storeTime);
  #lostAtMs = Number.NEGATIVE_INFINITY;

  constructor(outage: OutagePolicy) {
    this.#outage = outage;
    this.gates = [this.#makeGate(), this.#makeGate()];
    this.workers = [proxyA, proxyB].flatMap((proxy) => [0, 1].map((gate) => ({ proxy, gate, stream: undefined })));
    this.log = new AccessLog(this.gates);
  }

  /** For so long that each gate has all the evidence that it can have. */
  async start(): Promise<void> {
    for (const worker of this.workers) this.log.streamOf(worker);
    await this.pass(TTL_MS / 1000 + 10, () => 'arrives');
  }

  /** A stream that Envoy is about to ask for. */
  newConnection(worker: Worker, pod: PodId): Connection {
    const connection = {
      pod,
      lease: newLease(worker.proxy),
      worker,
      open: false,
      promised: false,
      periodicAtMs: performance.now() + FLUSH_INTERVAL_MS,
      lastWasLost: false,
      heardOn: undefined,
      heardAtMs: 0,
      due: false,
      safeUntilMs: 0,
    };
    this.connections.push(connection);
    return connection;
  }

  /** Asks a gate; true if the connection may open. */
  async ask({ gate }: ModelGate, connection: Connection): Promise<boolean> {
    const { pod, lease } = connection;
    const verdict = await gate.admit({ pod, lease, path: '/' });
    if (verdict.admitted && verdict.counted) connection.safeUntilMs = performance.now() + RESERVE_MS;
    connection.promised ||= verdict.admitted && !verdict.counted;
    if (connection.promised) this.exact = false;
    return verdict.admitted;
  }

  /** Asks a gate, and does not wait for its answer. */
  async askInVain({ gate }: ModelGate, { pod, lease }: Connection): Promise<void> {
    const upgrade = { pod, lease, path: '/' };
    const verdict = gate.admit(upgrade);
    gate.abandon(upgrade);
    await verdict;
    await turns();
  }

  opened(connection: Connection, fate: Fate): void {
    connection.open = true;
    this.log.send({ connection, kind: 'opened' }, fate);
  }

  /** Also of one that never opened. */
  ended(connection: Connection, fate: Fate): void {
    connection.open = false;
    this.log.send({ connection, kind: 'ended' }, fate);
  }

  /** A gate dies, and another takes its place, as far from the store. Streams to it break. */
  async kill(index: number): Promise<void> {
    for (const worker of this.workers) if (worker.gate === index) this.log.breakStream(worker, index);
    const killed = nth(this.gates, index);
    const born = this.#makeGate();
    this.gates[index] = born;
    const cut = this.#cuts.get(killed);
    if (cut) {
      this.#cuts.delete(killed);
      this.#cuts.set(born, cut);
      born.store.cut('now');
    }
    await born.reaper.beat();
  }

  /** An Envoy dies and comes back: its connections are gone, and nobody says so. */
  crash(proxy: ProxyId): void {
    for (const worker of this.workers) if (worker.proxy === proxy) this.log.breakStream(worker, worker.gate);
    for (const connection of this.connections) if (connection.worker.proxy === proxy) connection.open = false;
  }

  /** Nothing when it is cut already: it comes back when it would have. */
  cut(gate: ModelGate, seconds: number, when: 'now' | 'in the next call'): void {
    if (!this.#cuts.has(gate)) this.#cut(gate, seconds, when);
  }

  /** The store is away for all of them. */
  cutAll(seconds: number, when: 'now' | 'in the next call'): void {
    for (const gate of this.gates) this.#cut(gate, seconds, when);
  }

  #cut(gate: ModelGate, seconds: number, when: 'now' | 'in the next call'): void {
    gate.store.cut(when);
    const nowMs = performance.now();
    if (nowMs - this.#lostAtMs < TTL_MS + RECOVERY_MS) this.exact = false;
    const { sinceMs, untilMs } = this.#cuts.get(gate) ?? { sinceMs: nowMs, untilMs: nowMs };
    this.#cuts.set(gate, { sinceMs, untilMs: Math.max(untilMs, nowMs + seconds * 1000) });
  }

  /** Gates that are away just then are waited for, but no longer than a ttl. */
  async loseAll(): Promise<void> {
    vi.advanceTimersByTime(1); // no two stores began in one moment
    this.#store = new MemoryStore(storeTime);
    this.#lostAtMs = performance.now();
    const lastMs = Math.max(...[...this.#cuts.values()].map(({ untilMs }) => untilMs));
    if (lastMs - this.#lostAtMs > TTL_MS - TICK_MS) this.exact = false;
    for (const connection of this.connections) connection.safeUntilMs = 0;
    for (const gate of this.gates) {
      gate.store.cut('now'); // the links to it break
      if (this.#cuts.has(gate)) continue;
      gate.store.mend();
      await gate.reaper.beat();
    }
  }

  async pass(seconds: number, fateOf: () => Fate): Promise<void> {
    for (let passed = 0; passed < seconds; passed += 1) await this.#tick(fateOf());
  }

  async #tick(fate: Fate): Promise<void> {
    vi.advanceTimersByTime(TICK_MS);
    const nowMs = performance.now();
    for (const [gate, { sinceMs, untilMs }] of this.#cuts) {
      if (nowMs >= untilMs) this.#mend(gate);
      else if (nowMs - sinceMs >= MISSED_MS && sinceMs > this.#lostAtMs) this.#excuse(gate);
    }
    for (const connection of this.connections) {
      if (!connection.open || nowMs < connection.periodicAtMs) continue;
      connection.periodicAtMs += FLUSH_INTERVAL_MS;
      this.log.send({ connection, kind: 'periodic' }, fate);
    }
    for (const gate of this.gates) {
      await this.#flush(gate);
      await gate.reaper.beat();
    }
    await this.check();
    await this.#checkEnded();
  }

  /** The gate has its store again, and is to tell it all that it knows, if it has missed it. */
  #mend(gate: ModelGate): void {
    const missed = !gate.store.up;
    this.#cuts.delete(gate);
    gate.store.mend();
    if (!missed) return;
    for (const connection of this.#knownTo(gate)) {
      if (performance.now() - connection.heardAtMs < TTL_MS) connection.due = true;
    }
  }

  /** That a gate or its store was away is no reason to take a lease that was good until then. */
  #excuse(gate: ModelGate): void {
    const nowMs = performance.now();
    for (const connection of this.connections) {
      if (this.log.gateOf(connection.worker) !== gate || connection.safeUntilMs < nowMs) continue;
      connection.safeUntilMs = Math.max(connection.safeUntilMs, nowMs + TTL_MS);
    }
  }

  async #flush(gate: ModelGate): Promise<void> {
    const due = this.#knownTo(gate).filter((connection) => connection.due);
    await gate.ledger.flush();
    if (!gate.store.up) return;
    for (const connection of due) {
      connection.safeUntilMs = performance.now() + TTL_MS;
      connection.due = false;
    }
  }

  #knownTo(gate: ModelGate): Connection[] {
    return this.connections.filter(
      ({ heardOn, worker }) => heardOn !== undefined && heardOn === worker.stream && this.log.gateOf(worker) === gate,
    );
  }

  /** What must hold at every moment. */
  async check(): Promise<void> {
    await turns();
    this.connections = this.connections.filter(({ open }) => open);
    for (const pod of pods) {
      const held = await this.#held(pod);
      const open = this.connections.filter((connection) => connection.pod === pod);
      for (const { lease, safeUntilMs } of open) {
        if (performance.now() < safeUntilMs) expect(held, 'a live connection was taken').toContain(lease);
      }
      if (this.exact) expect(open.length, 'over the limit').toBeLessThanOrEqual(LIMIT);
    }
  }

  /** Where an end was heard the slot is free at once, and late entries do not take it again for a ttl. */
  async #checkEnded(): Promise<void> {
    for (const [lease, { pod, gate, atMs }] of this.log.ended) {
      if (performance.now() - atMs > TTL_MS || !this.gates.includes(gate)) this.log.ended.delete(lease);
      else if (gate.store.up) expect(await this.#held(pod), 'a closed connection is counted').not.toContain(lease);
    }
  }

  async #held(pod: PodId): Promise<LeaseId[]> {
    const { leases } = await value(this.#store.leases(pod, Number.POSITIVE_INFINITY));
    return leases.map(({ lease }) => lease);
  }

  /** No faults any more, and every Envoy talks: after two ttls the count is the truth. */
  async settle(): Promise<void> {
    for (const gate of this.gates) this.#mend(gate);
    this.log.hearTheLate();
    for (const worker of this.workers) this.log.streamOf(worker);
    await this.pass((2 * TTL_MS) / 1000, () => 'arrives');
    for (const pod of pods) {
      const open = this.connections.filter((connection) => connection.pod === pod).map(({ lease }) => lease);
      expect((await this.#held(pod)).toSorted(), 'the count is not the truth').toEqual(open.toSorted());
    }
  }

  #makeGate(): ModelGate {
    return makeGate(() => this.#store, this.#outage);
  }
}

export function nth<T>(items: readonly T[], index: number): T {
  return items[index % items.length] as T;
}

/** Lets what is under way between gates and store come to its end. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The store's clock is not that of the gates. */
function storeTime(): number {
  return 1_800_000_000_000 + performance.now();
}
