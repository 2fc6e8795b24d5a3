/** The clients: real WebSockets, each of which the crowd knows for itself. What they are is the truth. */

import { type Client, openEach } from '../fleet/clients.ts';
import type { Envoy } from '../fleet/envoy.ts';
import type { Pod } from '../fleet/pod.ts';

const NUMBER_HEADER = 'x-bench-number';

export interface Connection {
  readonly pod: string;
  readonly proxy: Envoy;
  /** The pod's limit when it asked. */
  readonly limit: number;
  readonly askedAtMs: number;
  /** `leaving`: the crowd has closed it, and no longer counts it. */
  state: 'asking' | 'open' | 'leaving' | 'gone' | 'refused';
  /** What the gate told the pod. */
  lease: string | undefined;
  client: Client | undefined;
  openedAtMs: number;
  /** What it was refused with; 0: it got no answer. */
  status: number | undefined;
  /** Left, lost, or refused. */
  endedAtMs: number;
  /** The crowd did not close it. */
  cut: boolean;
}

export interface CrowdEvents {
  opened(connection: Connection): void;
}

export class Crowd {
  readonly connections = new Set<Connection>();
  admitted = 0;
  readonly #pods: readonly Pod[];
  readonly #events: CrowdEvents;
  readonly #asking = new Set<Promise<void>>();
  /** Of connections that were let go of. */
  readonly #cutByProxy = new Map<Envoy, number>();
  #numbers = 0;

  constructor(pods: readonly Pod[], events: CrowdEvents) {
    this.#pods = pods;
    this.#events = events;
  }

  of(pod: string, state: Connection['state']): Connection[] {
    return [...this.connections].filter((connection) => connection.pod === pod && connection.state === state);
  }

  /** Begins to open one. */
  open(pod: Pod, proxy: Envoy, limit: number): void {
    const asking: Promise<void> = this.#open(pod, proxy, limit).finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
  }

  leave(connection: Connection, how: 'close' | 'reset'): void {
    connection.state = 'leaving';
    connection.endedAtMs = performance.now();
    if (how === 'reset') connection.client?.reset();
    else connection.client?.close();
  }

  /** So many of each pod's leave at once, those first who came first. */
  leaveSome(each: number): void {
    for (const { name } of this.#pods) {
      for (const connection of this.of(name, 'open').slice(0, each)) this.leave(connection, 'close');
    }
  }

  /** Everyone leaves at once. */
  leaveAll(how: 'close' | 'reset'): void {
    for (const connection of this.connections) if (connection.state === 'open') this.leave(connection, how);
  }

  /** Lets go of what ended before then. */
  forget(beforeMs: number): void {
    for (const connection of this.connections) {
      const { state, endedAtMs, cut, proxy } = connection;
      if ((state !== 'gone' && state !== 'refused') || endedAtMs >= beforeMs) continue;
      if (cut) this.#cutByProxy.set(proxy, (this.#cutByProxy.get(proxy) ?? 0) + 1);
      this.connections.delete(connection);
    }
  }

  /** Connections that broke by themselves, but through none of those proxies. */
  cutBeside(doomed: ReadonlySet<Envoy>): number {
    const known = [...this.connections].filter(({ cut, proxy }) => cut && !doomed.has(proxy)).length;
    return [...this.#cutByProxy].reduce((sum, [proxy, count]) => sum + (doomed.has(proxy) ? 0 : count), known);
  }

  /** Resolves when nobody waits for an answer. */
  async answered(): Promise<void> {
    while (this.#asking.size > 0) await Promise.all(this.#asking);
  }

  stop(): void {
    for (const { client } of this.connections) client?.terminate();
  }

  async #open(pod: Pod, proxy: Envoy, limit: number): Promise<void> {
    const number = String(++this.#numbers);
    const connection: Connection = {
      pod: pod.name,
      proxy,
      limit,
      askedAtMs: performance.now(),
      state: 'asking',
      lease: undefined,
      client: undefined,
      openedAtMs: 0,
      status: undefined,
      endedAtMs: 0,
      cut: false,
    };
    this.connections.add(connection);
    const url = `ws://127.0.0.1:${proxy.port}/${pod.name}/`;
    const outcome = await openEach([url], { headers: { [NUMBER_HEADER]: number } });
    const [client] = outcome.opened;
    if (client) this.#opened(connection, client, number);
    else this.#refused(connection, outcome.refused[0]?.status ?? 0);
  }

  #opened(connection: Connection, client: Client, number: string): void {
    const headers = this.#pods
      .find(({ name }) => name === connection.pod)
      ?.upgrades()
      .find((upgrade) => upgrade[NUMBER_HEADER] === number);
    const lease = headers?.['x-connection-id'];
    connection.lease = typeof lease === 'string' ? lease : undefined;
    connection.client = client;
    connection.state = 'open';
    connection.openedAtMs = performance.now();
    client.once('close', () => {
      connection.cut = connection.state === 'open';
      if (connection.cut) connection.endedAtMs = performance.now();
      connection.state = 'gone';
    });
    this.admitted += 1;
    this.#events.opened(connection);
  }

  #refused(connection: Connection, status: number): void {
    connection.state = 'refused';
    connection.endedAtMs = performance.now();
    connection.status = status;
  }
}
