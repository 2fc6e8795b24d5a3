/**
 * What Envoys say of their connections, and what becomes of it on the way. As real ones were seen to do: a log stream
 * for each worker, opened for the first entry that has nowhere to go; what was on its way when a stream breaks is gone.
 *
 * A proxy that renews has a connection in each worker that never closes, to a pod of its own, so that it always has
 * something to say; one that does not renew says that connections open and close, and nothing in between.
 * One that has the hold door says nothing here: a stream is open at the gate that let the connection in.
 *
 * Entries are lost at random, but never two of a connection in a row: after four in a row the connection would be as
 * good as closed, for all that a gate can tell. What a proxy that does not renew says is lost only with the stream.
 */

import type { LeaseId, PodId, ProxyId } from '../../src/admission/ids.ts';
import type { LogStream } from '../../src/admission/ledger/entries.ts';
import type { Held } from '../../src/admission/ledger/holds.ts';
import type { ModelGate } from './model-gate.ts';

/** One worker thread of an Envoy. */
export interface Worker {
  readonly proxy: ProxyId;
  readonly renews: boolean;
  /** It has the hold door, and no log. */
  readonly holds: boolean;
  /** Which of the gates it logs to. */
  gate: number;
  stream: LogStream | undefined;
}

export interface Connection {
  /** Where the gate chooses: any of the service, until it is let in. */
  pod: PodId;
  readonly lease: LeaseId;
  readonly worker: Worker;
  open: boolean;
  /** A gate without a store let it in, and will tell the store when it can, whatever the log has told other gates. */
  promised: boolean;
  /** Others need not know of it: they had a store when it was let in without one, or Envoy itself let it in. */
  excused: boolean;
  periodicAtMs: number;
  lastWasLost: boolean;
  /** The store has been seen to have its lease, since it last lost everything. */
  held: boolean;
  /** Its stream of the hold door, and the gate that has it. */
  stream: { readonly gate: ModelGate; readonly hold: Held } | undefined;
  /** A periodic entry of it has arrived. */
  told: boolean;
  /** Gates that heard that it opened, or let it in alone. */
  readonly knownTo: Set<ModelGate>;
  /** Its proxy does not renew, and all who knew of it are gone: nobody can tell of it any more. */
  forgotten: boolean;
}

export type Fate = 'arrives' | 'arrives twice' | 'is lost' | 'is late';

interface Entry {
  readonly connection: Connection;
  readonly kind: 'opened' | 'periodic' | 'ended';
}

interface Ended {
  readonly pod: PodId;
  /** The only one that has heard of it since. */
  readonly gate: ModelGate;
  readonly atMs: number;
}

export class AccessLog {
  readonly #gates: readonly ModelGate[];
  /** Closed connections of which a gate has heard the end. */
  readonly ended = new Map<LeaseId, Ended>();
  /**
   * Closed connections of which no gate has heard the end, and whose proxy's silence says nothing: it does not renew, or
   * no periodic entry had told of this one yet. It could as well be open, and its listener not be logged. And those of a
   * proxy that does not renew which a gate let in alone: that gate may tell the store when its end is long forgotten.
   */
  readonly unheard = new Set<LeaseId>();
  /**
   * Connections of a proxy that does not renew, and the gate that alone knows that each is gone: it heard of the end, or
   * denied it, whatever the store did. It may die before it tells the store.
   */
  readonly #toldOnce = new Map<LeaseId, ModelGate>();
  #late: Entry[] = [];

  constructor(gates: readonly ModelGate[]) {
    this.#gates = gates;
  }

  gateOf(worker: Worker): ModelGate {
    return this.#gates[worker.gate] as ModelGate;
  }

  streamOf(worker: Worker): LogStream {
    worker.stream ??= this.gateOf(worker).ledger.streams.open(worker.proxy, () => 3000);
    return worker.stream;
  }

  /** The next entry opens another, to that gate. */
  breakStream(worker: Worker, gate: number): void {
    if (worker.stream) this.gateOf(worker).ledger.streams.close(worker.stream);
    worker.stream = undefined;
    worker.gate = gate;
  }

  send(entry: Entry, fate: Fate): void {
    const { connection, kind } = entry;
    const mayGo = connection.worker.renews && (kind === 'ended' || !connection.lastWasLost);
    const gone = (fate === 'is lost' || fate === 'is late') && mayGo;
    if (gone && fate === 'is late') this.#late.push(entry);
    if (!gone) for (let times = fate === 'arrives twice' ? 2 : 1; times > 0; times -= 1) this.#hear(entry);
    connection.lastWasLost = gone;
    const isUnsure = connection.worker.renews ? gone && !connection.told : connection.promised;
    if (kind === 'ended' && isUnsure) this.unheard.add(connection.lease);
  }

  /** Its end was heard by that gate alone, which may die before it tells the store. */
  toldOnceBy({ lease, promised }: Connection, gate: ModelGate): void {
    this.#toldOnce.set(lease, gate);
    if (promised) this.unheard.add(lease);
  }

  denied({ lease, worker }: Connection, gate: ModelGate): void {
    if (!worker.renews) this.#toldOnce.set(lease, gate);
  }

  /** With what it had heard and not written down. */
  died(gate: ModelGate): void {
    for (const [lease, heard] of this.#toldOnce) if (heard === gate) this.unheard.add(lease);
  }

  /** What was late arrives, the last first. */
  hearTheLate(): void {
    const late = this.#late;
    this.#late = [];
    for (const entry of late.reverse()) {
      const { connection, kind } = entry;
      // Its lease may be gone by now: then it is new, and no periodic entry tells of it.
      if (kind === 'opened' && !connection.open) this.unheard.add(connection.lease);
      this.#hear(entry);
    }
  }

  #hear({ connection, kind }: Entry): void {
    const { worker, pod, lease, promised } = connection;
    const stream = this.streamOf(worker);
    const gate = this.gateOf(worker);
    if (kind === 'ended') {
      gate.ledger.releases.ended({ pod, lease });
      if (!worker.renews) this.#toldOnce.set(lease, gate);
      if (!promised) this.ended.set(lease, { pod, gate, atMs: performance.now() });
      return;
    }
    connection.knownTo.add(gate);
    connection.told ||= kind === 'periodic';
    gate.ledger.entries.seen(stream, { pod, lease, path: '/', state: 'live', periodic: kind === 'periodic' });
    if (!connection.open && this.ended.get(lease)?.gate !== gate) this.ended.delete(lease); // it had not heard of the end
  }
}
