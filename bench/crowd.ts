/**
 * Open WebSockets, as a gate knows them: what the access logs of a few Envoys say of them. No socket is behind it, so a
 * hundred thousand cost no more than their messages.
 */

import { once } from 'node:events';
import type { ClientHttp2Stream } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import type { Gate } from '../lab/fleet/gate.ts';
import { until } from '../lab/fleet/processes.ts';
import type { ProxyId } from '../src/admission/ids.ts';
import { framed, GrpcConnection, LOG_PATH } from './grpc-client.ts';
import { type EntryType, entryBytes, newStream, proxyName, type Stream } from './messages.ts';

const READ_WITHIN_MS = 60_000;
const TICK_MS = 5;
/** Messages for the socket to take at once, before this process waits for it. */
const BURST = 500;

export interface Member {
  readonly stream: Stream;
  /** The periodic entry of it, the same each time. */
  readonly entry: Buffer;
}

/** `connections` of them, spread evenly over the pods and proxies, so that each pod has some of each proxy. */
export function members(size: Readonly<Record<'connections' | 'pods' | 'proxies', number>>): Member[] {
  const { connections, pods, proxies } = size;
  const names = Array.from({ length: proxies }, (_, i) => proxyName(i));
  return Array.from({ length: connections }, (_, i) => {
    const proxy = names[Math.floor(i / pods) % proxies] ?? proxyName(0);
    const stream = newStream(`pod${i % pods}`, proxy);
    return { stream, entry: framed(entryBytes(stream, 'DownstreamPeriodic')) };
  });
}

export class Crowd {
  readonly #members: readonly Member[];
  readonly #connections: GrpcConnection[] = [];
  readonly #logs = new Map<ProxyId, ClientHttp2Stream>();
  #next = 0;
  /** Entries that were sent. */
  said = 0;

  private constructor(all: readonly Member[]) {
    this.#members = all;
  }

  /** With a connection, and a log stream on it, for each proxy. */
  static async at(address: string, all: readonly Member[]): Promise<Crowd> {
    const crowd = new Crowd(all);
    for (const proxy of new Set(all.map(({ stream }) => stream.proxy))) {
      const connection = await GrpcConnection.to(address, proxy);
      crowd.#connections.push(connection);
      const log = connection.stream(LOG_PATH).resume();
      log.on('error', () => {}); // the gate was killed
      crowd.#logs.set(proxy, log);
    }
    return crowd;
  }

  /** Sends periodic entries of the next `count` connections, round and round, as fast as the gate takes them. */
  async speak(count = this.#members.length): Promise<void> {
    for (let said = 0; said < count; said += BURST) await this.#sayNext(Math.min(BURST, count - said));
  }

  /** The same at a steady rate. */
  async speakAt(perSecond: number, forMs: number): Promise<void> {
    const beganMs = performance.now();
    for (let said = 0, elapsedMs = 0; elapsedMs < forMs; ) {
      await delay(TICK_MS);
      elapsedMs = performance.now() - beganMs;
      const due = Math.round((Math.min(elapsedMs, forMs) * perSecond) / 1000);
      await this.#sayNext(due - said);
      said = due;
    }
  }

  say(stream: Stream, type: EntryType): void {
    this.#logs.get(stream.proxy)?.write(framed(entryBytes(stream, type)));
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  async #sayNext(count: number): Promise<void> {
    const full = new Set<ClientHttp2Stream>();
    for (let i = 0; i < count; i += 1) {
      const member = this.#members[this.#next];
      this.#next = (this.#next + 1) % this.#members.length;
      const log = member && this.#logs.get(member.stream.proxy);
      if (log?.write(member?.entry) === false) full.add(log);
    }
    this.said += count;
    for (const log of full) if (log.writableNeedDrain) await once(log, 'drain');
  }
}

/** Resolves when the gate has read all that the crowd said while `act` went on. */
export async function untilRead(gate: Gate, crowd: Crowd, act: () => Promise<void>): Promise<void> {
  const read = async () => (await gate.metrics('/metrics'))['wsgate_access_log_entries_total{kind="seen"}'] ?? 0;
  const [readBefore, saidBefore] = [await read(), crowd.said];
  await act();
  const isRead = async () => (await read()) - readBefore >= crowd.said - saidBefore;
  await until('the gate has read its logs', isRead, READ_WITHIN_MS);
}

/** Resolves when the store counts so many connections, over all pods. */
export async function untilCounted(gate: Gate, connections: number): Promise<void> {
  const areCounted = async () => {
    const pods = Object.entries(await gate.metrics()).filter(([name]) => name.startsWith('websocket_pod_connections'));
    return pods.reduce((sum, [, value]) => sum + value, 0) === connections;
  };
  await until(`${connections} connections are counted`, areCounted, READ_WITHIN_MS);
}
