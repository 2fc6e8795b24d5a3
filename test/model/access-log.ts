/**
 * What Envoys say of their connections, and what becomes of it on the way. As real ones were seen to do: a log stream
 * for each worker, opened for the first entry that has nowhere to go; what was on its way when a stream breaks is gone.
 *
 * Entries are lost at random, but never two of a connection in a row: after four in a row the connection would be as
 * good as closed, for all that a gate can tell.
 */

import type { LeaseId, PodId, ProxyId } from '../../src/admission/ids.ts';
import type { LogStream } from '../../src/admission/ledger.ts';
import type { ModelGate } from './model-gate.ts';

/** One worker thread of an Envoy. */
export interface Worker {
  readonly proxy: ProxyId;
  /** Which of the gates it logs to. */
  gate: number;
  stream: LogStream | undefined;
}

export interface Connection {
  readonly pod: PodId;
  readonly lease: LeaseId;
  readonly worker: Worker;
  open: boolean;
  /** A gate without a store let it in, and will tell the store when it can, whatever the log has told other gates. */
  promised: boolean;
  periodicAtMs: number;
  lastWasLost: boolean;
  /** As long as this is its worker's stream, the gate at its end knows of the connection. */
  heardOn: LogStream | undefined;
  heardAtMs: number;
  /** That gate has still to tell the store. */
  due: boolean;
  /** Until then the store has to hold its lease, whatever happens but the loss of everything. */
  safeUntilMs: number;
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
  #late: Entry[] = [];

  constructor(gates: readonly ModelGate[]) {
    this.#gates = gates;
  }

  gateOf(worker: Worker): ModelGate {
    return this.#gates[worker.gate] as ModelGate;
  }

  streamOf(worker: Worker): LogStream {
    worker.stream ??= this.gateOf(worker).ledger.open(worker.proxy);
    return worker.stream;
  }

  /** The next entry opens another, to that gate. */
  breakStream(worker: Worker, gate: number): void {
    if (worker.stream) this.gateOf(worker).ledger.close(worker.stream);
    worker.stream = undefined;
    worker.gate = gate;
  }

  send(entry: Entry, fate: Fate): void {
    const { connection, kind } = entry;
    const gone = (fate === 'is lost' || fate === 'is late') && (kind === 'ended' || !connection.lastWasLost);
    if (gone && fate === 'is late') this.#late.push(entry);
    if (!gone) for (let times = fate === 'arrives twice' ? 2 : 1; times > 0; times -= 1) this.#hear(entry);
    connection.lastWasLost = gone;
  }

  /** What was late arrives, the last first. */
  hearTheLate(): void {
    const late = this.#late;
    this.#late = [];
    for (const entry of late.reverse()) this.#hear(entry);
  }

  #hear({ connection, kind }: Entry): void {
    const { worker, pod, lease, promised } = connection;
    const stream = this.streamOf(worker);
    const gate = this.gateOf(worker);
    const heardAtMs = performance.now();
    if (kind === 'ended') {
      gate.ledger.ended(pod, lease);
      if (!promised) this.ended.set(lease, { pod, gate, atMs: heardAtMs });
      return;
    }
    gate.ledger.seen(stream, { pod, lease, path: '/', state: 'live', periodic: kind === 'periodic' });
    if (connection.open) Object.assign(connection, { heardOn: stream, heardAtMs, due: true });
    else if (this.ended.get(lease)?.gate !== gate) this.ended.delete(lease); // it had not heard of the end
  }
}
