/** A whole fleet: real Envoys before sample pods, and gates on either store. Tests use it, and the faults break it. */

import type { Document } from 'yaml';
import { type RedisServer, startRedis } from '../redis/server.ts';
import { type Client, type OpenOptions, type Outcome, open } from './clients.ts';
import { type EdgeFile, waitPatiently } from './edge.ts';
import { type Envoy, type Render, startEnvoy } from './envoy.ts';
import { type Gate, type GateOptions, startGate } from './gate.ts';
import { type Pod, startPod } from './pod.ts';
import { freePort, until } from './processes.ts';
import { Wire } from './wire.ts';

export type StoreKind = 'embedded' | 'redis';
export const stores: readonly StoreKind[] = ['embedded', 'redis'];

type GateConfig = Readonly<Record<string, object>>;

export interface FleetOptions {
  /** `embedded` if not given. */
  readonly store?: StoreKind;
  /** One if not given; several need Redis. */
  readonly gates?: number;
  /** Of the first gate; a free one if not given. */
  readonly grpcPort?: number;
  /** The first Envoy knows the first gate only, the second the second; otherwise each knows all of them. */
  readonly ownGates?: boolean;
  /** One if not given. */
  readonly proxies?: readonly string[];
  /** One if not given. */
  readonly pods?: readonly string[];
  /** Where they listen, of a service; 127.0.0.1 if not given. */
  readonly podHost?: string;
  /** The gate's configuration. */
  readonly config?: GateConfig;
  /** All pods are those of the service `chat`, with this limit each: for the file `placement.yaml`. */
  readonly serviceLimit?: number;
  /** The rest of what the configuration says of that service. */
  readonly service?: Readonly<Record<string, unknown>>;
  /** The gate's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly flushIntervalMs?: number;
  /** The Envoys' configuration, in envoy/; `edge.yaml` if not given. */
  readonly file?: EdgeFile;
  /** Makes their configuration, of which `file` and `mutate` are no part then. */
  readonly render?: Render;
  /** Of each Envoy; 2 if not given. */
  readonly workers?: number;
  readonly mutate?: (config: Document, proxyId: string) => void;
  /** Deadlines of a busy machine, and a new store is trusted at once; true if not given. */
  readonly patient?: boolean;
  /** Each gate finds Redis by a wire of its own, which can be cut. */
  readonly redisWires?: boolean;
  /** The `main.ts` of each gate, for gates of several versions; this version's if not given. */
  readonly mains?: readonly string[];
}

/** A busy machine makes Redis slow; a test that is about a Redis that does not answer sets its own deadline. */
const PATIENT = { deadline: '4s' };

/** Nobody is connected when the gate starts. A test in which that is not so says how long it takes. */
const NOTHING_TO_RECOVER = { recovery: '0s' };

export class Fleet {
  readonly redis: RedisServer | undefined;
  readonly pods: Pod[] = [];
  readonly envoys: Envoy[] = [];
  readonly gates: Gate[] = [];
  /** From each gate to Redis, with `redisWires`. */
  readonly redisWires: Wire[] = [];
  readonly #options: FleetOptions;
  readonly #gatePorts: { readonly grpcPort: number; readonly httpPort: number }[] = [];
  readonly #clients: Client[] = [];

  protected constructor(options: FleetOptions, redis: RedisServer | undefined) {
    this.#options = options;
    this.redis = redis;
  }

  static async start(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options, options.store === 'redis' ? await startRedis() : undefined);
    await fleet.begin();
    return fleet;
  }

  protected async begin(): Promise<void> {
    const { pods = ['pod1'], podHost, gates = 1, proxies = ['proxy_a'], redisWires } = this.#options;
    const host = podHost === undefined ? {} : { host: podHost };
    this.pods.push(...(await Promise.all(pods.map((name) => startPod({ name, ...host })))));
    while (this.#gatePorts.length < gates) {
      const first = this.#gatePorts.length === 0 ? this.#options.grpcPort : undefined;
      this.#gatePorts.push({ grpcPort: first ?? (await freePort()), httpPort: await freePort() });
      if (this.redis && redisWires) this.redisWires.push(await Wire.to(this.redis.port));
    }
    await Promise.all(this.#gatePorts.map((_, index) => this.startGate(index)));
    await this.gatesAreReady();
    await Promise.all(proxies.map((_, index) => this.startEnvoy(index)));
  }

  /** For subclasses: what is to be done before the Envoys start. */
  protected async gatesAreReady(): Promise<void> {}

  protected gateOptions(index: number): GateOptions {
    const { config = {}, env = {}, patient = true, mains, service, serviceLimit } = this.#options;
    const url = this.redis && `redis://127.0.0.1:${this.redisWires[index]?.port ?? this.redis.port}`;
    const lease = { ...(patient ? NOTHING_TO_RECOVER : {}), ...config.lease };
    const store = url === undefined ? {} : { store: { ...(patient ? PATIENT : {}), ...config.store, url } };
    const main = mains?.[index];
    const version = main === undefined ? {} : { main };
    const endpoints = { static: this.pods.map(({ port }) => `127.0.0.1:${port}`) };
    const chat = { endpoints, connections: serviceLimit, ...service };
    const services = serviceLimit === undefined ? {} : { services: { chat } };
    return { config: { ...services, ...config, lease, ...store }, env, ...version, ...this.#gatePorts[index] };
  }

  /** Where this Envoy finds gates. */
  protected gatesOf(proxy: number): readonly string[] {
    const all = this.gates.map(({ grpc }) => grpc);
    return this.#options.ownGates ? [nth(all, proxy)] : all;
  }

  /** Starts it, or starts it again at its addresses when it has ended. */
  async startGate(index = 0, more: GateOptions = {}): Promise<void> {
    this.gates[index] = await startGate({ ...this.gateOptions(index), ...more });
  }

  /** Starts it, or starts a successor with the same name. */
  async startEnvoy(index: number): Promise<void> {
    const {
      proxies = ['proxy_a'],
      podHost,
      flushIntervalMs,
      file,
      render,
      workers,
      mutate,
      patient = true,
    } = this.#options;
    const proxyId = nth(proxies, index);
    this.envoys[index] = await startEnvoy({
      proxyId,
      gate: this.gatesOf(index),
      pods: Object.fromEntries(this.pods.map(({ name, port }) => [name, port])),
      ...(podHost === undefined ? {} : { podHost }),
      ...(flushIntervalMs === undefined ? {} : { flushIntervalMs }),
      ...(file === undefined ? {} : { file }),
      ...(render === undefined ? {} : { render }),
      ...(workers === undefined ? {} : { workers }),
      mutate: (config) => {
        if (patient) waitPatiently(config);
        mutate?.(config, proxyId);
      },
    });
  }

  podAt(index: number): Pod {
    return nth(this.pods, index);
  }

  gateAt(index: number): Gate {
    return nth(this.gates, index);
  }

  /** The one that new connections go through. */
  envoyAt(index: number): Envoy {
    return nth(this.envoys, index);
  }

  get envoy(): Envoy {
    return nth(this.envoys, 0);
  }

  /** The first of them. */
  get gate(): Gate {
    return nth(this.gates, 0);
  }

  get pod(): Pod {
    return nth(this.pods, 0);
  }

  /** `proxy` counts from 0. `listener`: the one of edge.yaml if not given. */
  async open(
    count: number,
    path = '/pod1/',
    proxy = 0,
    { listener = 'edge', ...options }: OpenOptions & { readonly listener?: string } = {},
  ): Promise<Outcome> {
    const port = nth(this.envoys, proxy).ports[listener];
    const outcome = await open(`ws://127.0.0.1:${port}${path}`, count, options);
    this.#clients.push(...outcome.opened);
    return outcome;
  }

  /** Fills the first pod to its limit, through all Envoys, as soon as a new store is trusted. */
  async fill(limit: number): Promise<Client[]> {
    const filling: Client[] = [];
    const isFull = async () => {
      for (const proxy of this.envoys.keys()) {
        const { opened } = await this.open(Math.min(5, limit - filling.length), `/${this.pod.name}/`, proxy);
        filling.push(...opened);
      }
      return filling.length === limit;
    };
    await until(`${this.pod.name} is full`, isFull, 20_000);
    await this.settlesAt(limit, 1000, this.pod.name);
    return filling;
  }

  /** What Redis itself says of a pod, whether or not a gate is there. */
  async leases(pod = 'pod1'): Promise<number> {
    return (await this.redis?.client.zcard(`ws:pod_conn:${pod}`)) ?? Number.NaN;
  }

  /** The leases of one pod, read from the store at this moment. */
  async connections(pod = 'pod1'): Promise<number> {
    const { connections } = (await this.#get(`/v1/pods/${encodeURIComponent(pod)}`)) as { connections: number };
    return connections;
  }

  /** Who holds the slots of a pod. */
  async holders(pod = 'pod1'): Promise<{ lease: string; state: string; path: string; client: string; peer: string }[]> {
    const { connections } = (await this.#get(`/v1/pods/${encodeURIComponent(pod)}/connections?limit=1000`)) as {
      connections: never[];
    };
    return connections;
  }

  async settlesAt(count: number, withinMs = 1000, pod = 'pod1'): Promise<void> {
    let last = Number.NaN;
    const isSo = async () => {
      last = await this.connections(pod).catch(() => Number.NaN);
      return last === count;
    };
    await until(`${pod} has ${count} connections`, isSo, withinMs).catch((error: Error) => {
      throw new Error(`${error.message}; it has ${last}`);
    });
  }

  /** A gate with the same addresses, store and configuration, once the one before it has ended. */
  async restartGate(signal: 'SIGTERM' | 'SIGKILL', index = 0): Promise<void> {
    await this.endGate(signal, index);
    await this.startGate(index);
  }

  async endGate(signal: 'SIGTERM' | 'SIGKILL', index = 0): Promise<void> {
    const gate = nth(this.gates, index);
    gate.kill(signal);
    await gate.ended;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.terminate();
    await Promise.all(this.envoys.map((envoy) => envoy.stop()));
    await Promise.all(this.gates.map((gate) => gate.stop()));
    await Promise.all(this.pods.map((pod) => pod.stop()));
    for (const wire of this.redisWires) wire.stop();
    await this.redis?.stop();
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.gate.httpPort}${path}`);
    if (!response.ok) throw new Error(`${path} answers ${response.status}: ${await response.text()}`);
    return response.json();
  }
}

function nth<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`there are only ${items.length}`);
  return item;
}
