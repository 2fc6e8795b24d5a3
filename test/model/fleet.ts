/**
 * A fleet on a table: gates as they are, Envoys and their connections as plain data, and a clock that stands still
 * between steps. Its open connections are the truth that the count is held against.
 */

import { expect, vi } from 'vitest';
import { DISTRUST_TTLS } from '../../src/admission/evidence.ts';
import { type LeaseId, type PodId, type ProxyId, proxyOf, serviceOf } from '../../src/admission/ids.ts';
import type { OutagePolicy } from '../../src/admission/outage.ts';
import type { AnyUpgrade } from '../../src/admission/verdict.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { value } from '../contract/lease-store.ts';
import { newLease, pod1, pod2, podId, podsOf, proxyA, proxyB, serviceId } from '../support/names.ts';
import { AccessLog, type Connection, type Fate, type Worker } from './access-log.ts';
import { GRACE_MS, LIMIT, type ModelGate, makeGate, TTL_MS } from './model-gate.ts';

const FLUSH_INTERVAL_MS = 15_000;
const TICK_MS = 1000;
/** A gate without its store sends its Envoys elsewhere for so long, from a quarter of a ttl on. */
const RETREATS_MS = { from: TTL_MS / 4, to: TTL_MS / 4 + 10_000 };
/** Whose pods the gates choose. */
const chat = serviceId('chat');
/** Of connections that never close. */
const elsewhere = podId('elsewhere');

/** Where a gate's store is away: since when, and until when. */
interface Cut {
  readonly sinceMs: number;
  readonly untilMs: number;
}

export interface FleetOptions {
  readonly outage: OutagePolicy;
  /** What keeps the leases of the second proxy: log entries, as those of the first; streams of the hold door; nothing. */
  readonly second: 'renewed' | 'held' | 'unrenewed';
  /** The pods are those of a service, and the gates choose. */
  readonly placed: boolean;
}

export class Fleet {
  readonly gates: ModelGate[];
  readonly workers: readonly Worker[];
  readonly log: AccessLog;
  /** Those that are open, and what the step that is being taken adds. */
  connections: Connection[] = [];
  /** Of which connections come and go. */
  readonly pods: readonly PodId[];
  readonly #outage: OutagePolicy;
  readonly #cuts = new Map<ModelGate, Cut>();
  /**
   * A gate died, and the store lost everything: an end that they alone knew of may be forgotten. The silence of a proxy
   * that does not renew never makes up for it.
   */
  readonly #forgot = { gate: false, store: false };
  /** Undefined until a gate finds it: a Redis tells since when it is whole from its first heartbeat on. */
  #store: MemoryStore | undefined;

  constructor({ outage, second, placed }: FleetOptions) {
    this.#outage = outage;
    this.pods = placed ? podsOf(chat, 2) : [pod1, pod2];
    this.gates = [this.#makeGate(), this.#makeGate()];
    this.workers = [proxyA, proxyB].flatMap((proxy) =>
      [0, 1].map((gate) => ({
        proxy,
        renews: proxy === proxyA || second === 'renewed',
        holds: proxy === proxyB && second === 'held',
        gate,
        stream: undefined,
      })),
    );
    this.log = new AccessLog(this.gates);
  }

  /** For so long that each gate has all the evidence that it can have. */
  async start(): Promise<void> {
    this.#openForEver(this.workers);
    await this.pass(TTL_MS / 1000 + 60, () => 'arrives');
  }

  /** A stream that Envoy is about to ask for. */
  newConnection(worker: Worker, pod: PodId): Connection {
    const connection = {
      pod,
      lease: newLease(worker.proxy),
      worker,
      open: false,
      promised: false,
      excused: false,
      periodicAtMs: performance.now() + FLUSH_INTERVAL_MS,
      lastWasLost: false,
      held: false,
      stream: undefined,
      told: false,
      knownTo: new Set<ModelGate>(),
      forgotten: false,
    };
    this.connections.push(connection);
    return connection;
  }

  /** Asks a gate; true if the connection may open. */
  async ask(asked: ModelGate, connection: Connection): Promise<boolean> {
    const verdict = await asked.gate.admit(upgradeOf(connection));
    if (!verdict.admitted) {
      this.log.denied(connection, asked);
      return false;
    }
    connection.pod = verdict.pod;
    if (verdict.counted) {
      if (!connection.promised) this.#checkRoom(connection);
    } else {
      connection.knownTo.add(asked);
      connection.promised = true;
      connection.excused = this.gates.some((other) => !this.#cuts.has(other));
    }
    return true;
  }

  /** The store let it in: there was room for it among all that anybody knew of. */
  #checkRoom(connection: Connection): void {
    const others = this.connections.filter(
      (other) => other !== connection && other.open && other.pod === connection.pod && this.#canBeKnown(other),
    );
    expect(others.length, 'let in over the limit').toBeLessThan(LIMIT);
  }

  /** To the store, or to a gate that it is not away from; or it will be within a flush interval. */
  #canBeKnown({ excused, forgotten, held, worker, knownTo }: Connection): boolean {
    if (excused || forgotten) return false;
    const isNear = (gate: ModelGate) => !this.#cuts.has(gate);
    return held || knownTo.values().some(isNear) || (worker.renews && isNear(this.log.gateOf(worker)));
  }

  /** Asks a gate, and does not wait for its answer. */
  async askInVain({ gate }: ModelGate, connection: Connection): Promise<void> {
    const upgrade = upgradeOf(connection);
    const asked = gate.admit(upgrade);
    gate.abandon(upgrade);
    const verdict = await asked;
    if (verdict.admitted && !verdict.counted) connection.promised = true; // and the store may have it by now
    await turns();
  }

  /** `asked`: the gate that let it in, which has the stream of the hold door. */
  opened(connection: Connection, fate: Fate, asked?: ModelGate): void {
    connection.open = true;
    if (!connection.worker.holds) this.log.send({ connection, kind: 'opened' }, fate);
    else if (asked) this.#hold(connection, asked);
    else connection.forgotten = true; // nobody was told, and nobody tells
  }

  #hold(connection: Connection, gate: ModelGate): void {
    const { pod, lease } = connection;
    const hold = { pod, lease, path: '/', close() {} };
    gate.ledger.holds.open(hold);
    connection.stream = { gate, hold };
    connection.knownTo.add(gate);
  }

  /** The stream of the hold door breaks, and its connection lives. */
  break(connection: Connection): void {
    if (connection.stream) connection.stream.gate.ledger.holds.lost(connection.stream.hold);
    connection.stream = undefined;
  }

  /** Also of one that never opened. */
  ended(connection: Connection, fate: Fate): void {
    connection.open = false;
    if (!connection.worker.holds) this.log.send({ connection, kind: 'ended' }, fate);
    else if (connection.stream) {
      connection.stream.gate.ledger.holds.ended(connection.stream.hold);
      this.log.toldOnceBy(connection, connection.stream.gate);
    } else this.log.unheard.add(connection.lease);
  }

  /** A gate dies, and another takes its place, as far from the store. Streams to it break. */
  async kill(index: number): Promise<void> {
    for (const worker of this.workers) if (worker.gate === index) this.log.breakStream(worker, index);
    const killed = nth(this.gates, index);
    killed.enrolment.stop();
    this.log.died(killed);
    const born = this.#makeGate();
    this.#forgot.gate = true;
    this.gates[index] = born;
    for (const connection of this.connections) {
      if (connection.stream?.gate === killed) connection.stream = undefined;
      connection.knownTo.delete(killed);
      if (!connection.held) this.#forget(connection);
    }
    const cut = this.#cuts.get(killed);
    if (cut) {
      this.#cuts.delete(killed);
      this.#cuts.set(born, { ...cut, sinceMs: performance.now() });
      born.store.cut('now');
    }
    await born.reaper.beat();
  }

  /** An Envoy dies and comes back: its connections are gone, and nobody says so. */
  crash(proxy: ProxyId): void {
    const workers = this.workers.filter((worker) => worker.proxy === proxy);
    for (const worker of workers) this.log.breakStream(worker, worker.gate);
    for (const connection of this.connections) {
      if (connection.worker.proxy !== proxy) continue;
      connection.open = false;
      this.break(connection);
      if (!connection.worker.renews || !connection.told) this.log.unheard.add(connection.lease);
    }
    this.#openForEver(workers);
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
    const { sinceMs, untilMs } = this.#cuts.get(gate) ?? { sinceMs: nowMs, untilMs: nowMs };
    this.#cuts.set(gate, { sinceMs, untilMs: Math.max(untilMs, nowMs + seconds * 1000) });
  }

  /** Every gate that is not cut off finds another store, an empty one. */
  async loseAll(): Promise<void> {
    vi.advanceTimersByTime(1); // no two stores began in one moment
    this.#store = undefined;
    this.#forgot.store = true;
    for (const connection of this.connections) {
      connection.held = false;
      this.#forget(connection);
    }
    for (const gate of this.gates) {
      gate.store.cut('now'); // the links to it break
      if (this.#cuts.has(gate)) continue;
      gate.store.mend();
      await gate.reaper.beat();
    }
  }

  #forget(connection: Connection): void {
    if (!connection.worker.renews && connection.knownTo.size === 0) connection.forgotten = true;
  }

  async pass(seconds: number, fateOf: () => Fate): Promise<void> {
    for (let passed = 0; passed < seconds; passed += 1) await this.#tick(fateOf());
  }

  async #tick(fate: Fate): Promise<void> {
    vi.advanceTimersByTime(TICK_MS);
    const nowMs = performance.now();
    for (const [gate, { sinceMs, untilMs }] of this.#cuts) {
      if (nowMs >= untilMs) this.#mend(gate);
      else if (nowMs - sinceMs >= RETREATS_MS.from && nowMs - sinceMs <= RETREATS_MS.to) this.#retreat(gate);
    }
    for (const connection of this.connections) {
      if (!connection.open || nowMs < connection.periodicAtMs) continue;
      connection.periodicAtMs += FLUSH_INTERVAL_MS;
      if (connection.worker.renews) this.log.send({ connection, kind: 'periodic' }, fate);
    }
    for (const gate of this.gates) {
      await gate.ledger.flush();
      await gate.reaper.beat();
    }
    await this.check();
    await this.#checkEnded();
  }

  #retreat(gate: ModelGate): void {
    if (gate.standing.gates === 1) return;
    const other = this.gates.findIndex((each) => each !== gate);
    for (const worker of this.workers) {
      if (this.log.gateOf(worker) === gate && worker.stream) this.log.breakStream(worker, other);
    }
  }

  /** The gate has its store again. */
  #mend(gate: ModelGate): void {
    this.#cuts.delete(gate);
    gate.store.mend();
  }

  /** What must hold at every moment. */
  async check(): Promise<void> {
    await turns();
    this.connections = this.connections.filter(({ open }) => open);
    for (const pod of [...this.pods, elsewhere]) {
      const held = new Set(await this.#held(pod));
      for (const connection of this.connections) {
        if (connection.pod !== pod) continue;
        if (connection.held) expect(held, 'a live connection was taken').toContain(connection.lease);
        connection.held = held.has(connection.lease);
        if (connection.held) connection.excused = false;
      }
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
    if (!this.#store) return [];
    const { leases } = await value(this.#store.leases(pod, Number.POSITIVE_INFINITY));
    return leases.map(({ lease }) => lease);
  }

  /**
   * No faults any more, and every Envoy talks. When gates have waited for each other and recovered, two ttls make the
   * count the truth; less only for what a proxy that does not renew could not say.
   */
  async settle(): Promise<void> {
    for (const gate of this.gates) this.#mend(gate);
    this.log.hearTheLate();
    for (const worker of this.workers) this.log.streamOf(worker);
    await this.pass((4 * TTL_MS) / 1000, () => 'arrives');
    for (const { standing } of this.gates) expect(standing.state).toBe('synced');
    // A gate that died may as well be cut off: a broken stream of which nothing is heard again may go on there.
    if (this.#forgot.gate) await this.pass(GRACE_MS / 1000, () => 'arrives');
    // A word that came so late that its lease was gone: that silence is not believed for long.
    const isWrong = ({ evidence }: ModelGate) => evidence.unrenewed.values().some((why) => why === 'wrong');
    if (this.gates.some(isWrong)) await this.pass((DISTRUST_TTLS + 3) * (TTL_MS / 1000), () => 'arrives');
    for (const pod of this.pods) {
      const here = this.connections.filter((connection) => connection.pod === pod);
      const forgotten = new Set(here.filter((connection) => connection.forgotten).map(({ lease }) => lease));
      const open = here.map(({ lease }) => lease).filter((lease) => !forgotten.has(lease));
      const renewing = new Set(this.workers.filter(({ renews }) => renews).map(({ proxy }) => proxy));
      const endsForgotten = this.#forgot.gate && this.#forgot.store;
      const isSure = (lease: LeaseId) =>
        !this.log.unheard.has(lease) &&
        !forgotten.has(lease) &&
        (open.includes(lease) || renewing.has(proxyOf(lease)) || !endsForgotten);
      const held = (await this.#held(pod)).filter(isSure);
      expect(held.toSorted(), 'the count is not the truth').toEqual(open.toSorted());
    }
    await this.pass((GRACE_MS + TTL_MS) / 1000, () => 'arrives');
  }

  #openForEver(workers: readonly Worker[]): void {
    for (const worker of workers) if (worker.renews) this.opened(this.newConnection(worker, elsewhere), 'arrives');
  }

  #makeGate(): ModelGate {
    const found = () => {
      this.#store ??= new MemoryStore(storeTime);
      return this.#store;
    };
    return makeGate(found, this.#outage, undefined, undefined, new Map([[chat, podsOf(chat, 2)]]));
  }
}

function upgradeOf({ pod, lease }: Connection): AnyUpgrade {
  const service = serviceOf(pod);
  return service ? { service, lease, path: '/' } : { pod, lease, path: '/' };
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
