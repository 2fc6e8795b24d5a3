/** The clients: real WebSockets of this process. Their state is the truth that the store's counts are compared with. */

import type { IncomingHttpHeaders } from 'node:http';
import { type Client, openEach } from '../fleet/clients.ts';
import type { Envoy } from '../fleet/envoy.ts';
import { machineNow } from '../fleet/machine-time.ts';
import type { Pod } from '../fleet/pod.ts';

export const NUMBER_HEADER = 'x-bench-number';

export interface Connection {
  /** From 1; the client sends it as a header, too. */
  readonly number: number;
  /** Where the gates choose: the one that it asked for, until it is let in. */
  pod: string;
  readonly proxy: Envoy;
  /** The pod's limit when it asked. */
  readonly limit: number;
  readonly askedAtMs: number;
  /** `leaving`: the crowd has closed it, and no longer counts it. */
  state: 'asking' | 'open' | 'leaving' | 'gone' | 'refused';
  /** From the header that the gate adds for the pod. */
  lease: string | undefined;
  client: Client | undefined;
  openedAtMs: number;
  /** HTTP status of the refusal; 0 without an answer. */
  status: number | undefined;
  /** Left, lost, or refused. */
  endedAtMs: number;
  /** It broke; the crowd did not close it. */
  cut: boolean;
}

export interface CrowdEvents {
  opened(connection: Connection): void;
}

export class Crowd {
  /** All that ever asked, but those that are forgotten. */
  readonly connections = new Set<Connection>();
  admitted = 0;
  #left = 0;
  readonly #pods: readonly Pod[];
  readonly #live = new Map<string, Set<Connection>>();
  readonly #holders = new Map<string, Connection>();
  readonly #events: CrowdEvents;
  readonly #isPlaced: boolean;
  readonly #asking = new Set<Promise<void>>();
  #numbers = 0;

  /** `isPlaced`: the gates choose the pods. */
  constructor(pods: readonly Pod[], events: CrowdEvents, isPlaced = false) {
    this.#isPlaced = isPlaced;
    this.#pods = pods;
    this.#events = events;
    for (const { name } of pods) this.#live.set(name, new Set());
  }

  /** How many connections were admitted plus how many were closed by their clients. */
  get turnover(): number {
    return this.admitted + this.#left;
  }

  /** The open connections of a pod, the oldest first. */
  live(pod: string): ReadonlySet<Connection> {
    return this.#liveOf(pod);
  }

  /** The connection that has this lease, or had it. */
  holder(lease: string): Connection | undefined {
    return this.#holders.get(lease);
  }

  /** Drops those that left or were refused before then, by `machineNow()`: in a long run they would fill the memory. */
  forget(beforeMs: number): void {
    for (const connection of this.connections) {
      const { state, endedAtMs, cut, lease } = connection;
      if ((state !== 'gone' && state !== 'refused') || cut || endedAtMs > beforeMs) continue;
      this.connections.delete(connection);
      if (lease !== undefined) this.#holders.delete(lease);
    }
  }

  /** Begins to open one. */
  open(pod: Pod, proxy: Envoy, limit: number): void {
    const asking: Promise<void> = this.#open(pod, proxy, limit).finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
  }

  leave(connection: Connection, how: 'close' | 'reset'): void {
    this.#end(connection, 'leaving');
    this.#left += 1;
    if (how === 'reset') connection.client?.reset();
    else connection.client?.close();
  }

  /** Closes so many connections of each pod, the oldest first. */
  leaveSome(each: number): void {
    for (const { name } of this.#pods) {
      for (const connection of [...this.live(name)].slice(0, each)) this.leave(connection, 'close');
    }
  }

  /** Everyone leaves at once. */
  leaveAll(how: 'close' | 'reset'): void {
    for (const { name } of this.#pods) for (const connection of [...this.live(name)]) this.leave(connection, how);
  }

  /** Resolves when nobody waits for an answer. */
  async answered(): Promise<void> {
    while (this.#asking.size > 0) await Promise.all(this.#asking);
  }

  stop(): void {
    for (const { client } of this.connections) client?.terminate();
  }

  async #open(pod: Pod, proxy: Envoy, limit: number): Promise<void> {
    const number = ++this.#numbers;
    const connection: Connection = {
      number,
      pod: pod.name,
      proxy,
      limit,
      askedAtMs: machineNow(),
      state: 'asking',
      lease: undefined,
      client: undefined,
      openedAtMs: 0,
      status: undefined,
      endedAtMs: 0,
      cut: false,
    };
    this.connections.add(connection);
    const url = `ws://127.0.0.1:${proxy.port}/${this.#isPlaced ? 'chat' : pod.name}/`;
    const outcome = await openEach([url], { headers: { [NUMBER_HEADER]: String(number) } });
    const [client] = outcome.opened;
    if (client) this.#opened(connection, client);
    else this.#refused(connection, outcome.refused[0]?.status ?? 0);
  }

  #opened(connection: Connection, client: Client): void {
    const number = String(connection.number);
    const isIts = (upgrade: IncomingHttpHeaders) => upgrade[NUMBER_HEADER] === number;
    const pod = this.#pods.find((each) =>
      this.#isPlaced ? each.upgrades().some(isIts) : each.name === connection.pod,
    );
    if (pod) connection.pod = pod.name;
    const headers = pod?.upgrades().find(isIts);
    const lease = headers?.['x-connection-id'];
    connection.lease = typeof lease === 'string' ? lease : undefined;
    if (connection.lease !== undefined) this.#holders.set(connection.lease, connection);
    connection.client = client;
    connection.state = 'open';
    connection.openedAtMs = machineNow();
    this.#liveOf(connection.pod).add(connection);
    client.once('close', () => {
      connection.cut = connection.state === 'open';
      if (connection.cut) this.#end(connection, 'gone');
      connection.state = 'gone';
    });
    this.admitted += 1;
    this.#events.opened(connection);
  }

  #refused(connection: Connection, status: number): void {
    this.#end(connection, 'refused');
    connection.status = status;
  }

  #end(connection: Connection, state: 'leaving' | 'gone' | 'refused'): void {
    connection.state = state;
    connection.endedAtMs = machineNow();
    this.#liveOf(connection.pod).delete(connection);
  }

  #liveOf(pod: string): Set<Connection> {
    const live = this.#live.get(pod);
    if (!live) throw new Error(`no pod ${pod}`);
    return live;
  }
}
