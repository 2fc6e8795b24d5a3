/** The fleet that faults happen to: gates on one Redis, Envoys before them, pods behind, and a crowd of clients. */

import { setTimeout as delay } from 'node:timers/promises';
import { type PodId, parsePodId } from '../../src/admission/ids.ts';
import { type Envoy, startEnvoy } from '../fleet/envoy.ts';
import { type Gate, type GateOptions, startGate } from '../fleet/gate.ts';
import { type Pod, startPod } from '../fleet/pod.ts';
import { freePort, until } from '../fleet/processes.ts';
import { Random } from '../fleet/random.ts';
import { Crowd } from './crowd.ts';
import { leadToGates } from './edge-changes.ts';
import { Garbler } from './garbler.ts';
import { Network } from './network.ts';
import type { Step } from './plan.ts';
import { RedisNode, type RedisOptions } from './redis.ts';
import { SCALE } from './scale.ts';
import { Witness } from './witness.ts';

export const SIZE = { gates: 2, proxies: 2, pods: 2, limit: 30 } as const;
/** Fewer than this part of the limit are never closed: some have to live through the fault. */
const LEFT_ALONE = 0.5;

export interface FleetOptions {
  readonly redis?: RedisOptions;
  /** A second Redis follows the first. */
  readonly replica?: boolean;
  /** Each gate reaches Redis by a wire of its own. */
  readonly redisWires?: boolean;
  /** This Envoy reaches the gates by wires of its own. */
  readonly gateWiresOf?: number;
  readonly garbled?: boolean;
  /** 2 if not given. */
  readonly gates?: number;
  /** One gate, which keeps the leases in its memory. */
  readonly embedded?: boolean;
  /** Of each pod; `SIZE.limit` if not given. */
  readonly limit?: number;
  /** Of the gates. */
  readonly env?: Readonly<Record<string, string>>;
  /** This gate is given the clock of `wrong-clock.ts`. */
  readonly wrongClockAt?: number;
}

export type Policy = 'deny' | 'allow' | 'share';

export class Bench {
  readonly pods: readonly Pod[];
  readonly gates: Gate[] = [];
  /** Those that new connections go through. */
  readonly envoys: Envoy[] = [];
  /** Connections through these may break. */
  readonly doomed = new Set<Envoy>();
  readonly network = new Network();
  readonly crowd: Crowd;
  readonly witness: Witness;
  /** What ended that nobody ended. */
  readonly accidents: string[] = [];
  limit: number;
  redis: RedisNode;
  readonly #redises: RedisNode[];
  replica: RedisNode | undefined;
  garbler: Garbler | undefined;
  #logPort: number | undefined;
  readonly #gatePorts: readonly { grpcPort: number; httpPort: number }[];
  readonly #options: FleetOptions;
  readonly #policy: Policy;
  readonly #expected = new Set<Gate | Envoy>();

  private constructor(
    parts: { redis: RedisNode; pods: Pod[]; gatePorts: { grpcPort: number; httpPort: number }[] },
    options: FleetOptions,
    policy: Policy,
  ) {
    this.redis = parts.redis;
    this.#redises = [parts.redis];
    this.pods = parts.pods;
    this.#gatePorts = parts.gatePorts;
    this.#options = options;
    this.limit = options.limit ?? SIZE.limit;
    this.#policy = policy;
    this.crowd = new Crowd(this.pods, { opened: (connection) => this.witness.admitted(connection, this.limit) });
    const pods = this.pods.map(({ name }) => name);
    this.witness = new Witness(this.crowd, pods, (pod) => this.leases(pod));
  }

  static async start(options: FleetOptions, policy: Policy, seed: number): Promise<Bench> {
    const redis = await RedisNode.start(options.redis);
    const pods = await Promise.all(
      Array.from({ length: SIZE.pods }, (_, index) => startPod({ name: `pod${index + 1}` })),
    );
    const gatePorts: { grpcPort: number; httpPort: number }[] = [];
    const gates = options.embedded ? 1 : (options.gates ?? SIZE.gates);
    while (gatePorts.length < gates) gatePorts.push({ grpcPort: await freePort(), httpPort: await freePort() });
    const bench = new Bench({ redis, pods, gatePorts }, options, policy);
    try {
      await bench.#start(seed);
    } catch (error) {
      await bench.stop();
      throw error;
    }
    return bench;
  }

  async #isTrusted(): Promise<boolean> {
    const metrics = await Promise.all(this.gates.map((gate) => gate.metrics('/metrics')));
    return metrics.every(({ wsgate_store_recovering: recovering }) => recovering === 0);
  }

  async #start(seed: number): Promise<void> {
    const { replica, redisWires, gateWiresOf, garbled } = this.#options;
    if (replica) {
      this.replica = await RedisNode.start({ follows: await this.network.wireReplica(this.redis.port) });
      this.#redises.push(this.replica);
    }
    const grpcPorts = this.#gatePorts.map(({ grpcPort }) => grpcPort);
    if (redisWires) await this.network.wireRedis(this.redis.port, grpcPorts.length);
    if (gateWiresOf !== undefined) await this.network.wireGates(grpcPorts);
    await Promise.all(this.#gatePorts.map((_, index) => this.startGate(index)));
    await until('the new store is trusted', () => this.#isTrusted(), 2 * SCALE.recoveryMs + 2_000);
    if (garbled) {
      const addresses = grpcPorts.map((port) => `127.0.0.1:${port}`);
      const { garbler, port } = await Garbler.start(addresses, new Random(`${seed} garbler`));
      this.garbler = garbler;
      this.#logPort = port;
    }
    await Promise.all(Array.from({ length: SIZE.proxies }, (_, index) => this.startEnvoy(index)));
  }

  /** Starts it, at first or again, where it always is. */
  async startGate(index: number, options: Pick<GateOptions, 'waitFor'> = {}): Promise<void> {
    const redisPort = this.network.redisPort(index) ?? this.redis.port;
    const { ttlMs, reserveMs, recoveryMs, graceMs, keepaliveMs, keepaliveTimeoutMs } = SCALE;
    const wrongClock = new URL('./wrong-clock.ts', import.meta.url).href;
    const gate = await startGate({
      ...options,
      ...this.#gatePorts[index],
      config: {
        ...(this.#options.embedded ? {} : { store: { url: `redis://127.0.0.1:${redisPort}` } }),
        lease: { ttl: `${ttlMs}ms`, reserve: `${reserveMs}ms`, recovery: `${recoveryMs}ms`, grace: `${graceMs}ms` },
        limits: { default: { connections: this.limit } },
        outage: { policy: this.#policy },
      },
      env: {
        ...this.#options.env,
        WSGATE_LISTEN_KEEPALIVE: `${keepaliveMs}ms`,
        WSGATE_LISTEN_KEEPALIVE_TIMEOUT: `${keepaliveTimeoutMs}ms`,
        ...(this.#options.wrongClockAt === index ? { NODE_OPTIONS: `--import=${wrongClock}` } : {}),
      },
    });
    this.#watch(gate, `gate ${index + 1}`);
    this.gates[index] = gate;
  }

  /** Starts one, at first or as the successor of the one with this name. */
  async startEnvoy(index: number): Promise<void> {
    const ports =
      this.#options.gateWiresOf === index ? this.network.gatePorts : this.#gatePorts.map(({ grpcPort }) => grpcPort);
    const envoy = await startEnvoy({
      proxyId: `proxy_${index + 1}`,
      gate: '127.0.0.1:1', // all of them, by the change below
      pods: Object.fromEntries(this.pods.map(({ name, port }) => [name, port])),
      flushIntervalMs: SCALE.flushMs,
      mutate: (config) => leadToGates(config, this.pods.length, ports, this.#logPort),
    });
    this.#watch(envoy, `Envoy ${index + 1}`);
    this.envoys[index] = envoy;
  }

  gate(index: number): Gate {
    return nth(this.gates, index);
  }

  envoy(index: number): Envoy {
    return nth(this.envoys, index);
  }

  async end(program: Gate | Envoy, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#expected.add(program);
    program.kill(signal);
    await program.ended;
  }

  /** One step of the churn. */
  take(step: Step): void {
    const pod = nth(this.pods, step.pod);
    if (step.kind === 'open') {
      this.crowd.open(pod, this.envoy(step.proxy), this.limit);
      return;
    }
    const there = this.crowd.of(pod.name, 'open');
    const chosen = there[Math.floor(step.which * there.length)];
    if (chosen && there.length > this.limit * LEFT_ALONE) this.crowd.leave(chosen, step.how);
  }

  /** So many opens to each pod through each Envoy, as fast as they can be sent. */
  rush(each: number): void {
    for (let round = 0; round < each; round++) {
      for (const pod of this.pods) for (const envoy of this.envoys) this.crowd.open(pod, envoy, this.limit);
    }
  }

  /** The gates reach this Redis from now on, and the truth is compared with it. */
  lead(redis: RedisNode): void {
    this.redis = redis;
    this.network.leadRedisTo(redis.port);
  }

  /** What the store has, at this moment; undefined when it does not answer. */
  leases(pod: string): Promise<string[] | undefined> {
    if (this.#options.embedded) return leasesOf(this.gate(0), pod);
    return this.redis.leases(podId(pod));
  }

  /** Clients that come and come: so many to each pod through each Envoy, 20 times a second. */
  async rushFor(ms: number, each: number): Promise<void> {
    for (const endMs = performance.now() + ms; performance.now() < endMs; ) {
      this.rush(each);
      await delay(50);
    }
  }

  /** Live WebSockets as the Envoys themselves count them, by pod. */
  async gauges(): Promise<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const envoy of this.envoys.filter((each) => !this.#expected.has(each))) {
      const stats = await envoy.stats();
      for (const { name } of this.pods) {
        sums[name] = (sums[name] ?? 0) + (stats[`cluster.${name}.upstream_cx_active`] ?? 0);
      }
    }
    return sums;
  }

  async stop(): Promise<void> {
    for (const program of [...this.envoys, ...this.gates]) this.#expected.add(program);
    await this.witness.stop();
    this.crowd.stop();
    // One that is still stopped by a fault that failed could not end otherwise.
    for (const program of [...this.envoys, ...this.doomed, ...this.gates]) program.kill('SIGKILL');
    await Promise.all([...this.envoys, ...this.gates].map(({ ended }) => ended));
    this.garbler?.stop();
    this.network.stop();
    await Promise.all(this.pods.map((pod) => pod.stop()));
    await Promise.all(this.#redises.map((redis) => redis.stop()));
  }

  #watch(program: Gate | Envoy, name: string): void {
    void program.ended.then((how) => {
      if (!this.#expected.has(program)) this.accidents.push(`${name} ended by itself: ${how}`);
    });
  }
}

async function leasesOf(gate: Gate, pod: string): Promise<string[] | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${gate.httpPort}/v1/pods/${pod}/connections?limit=1000`);
    const { connections } = (await answer.json()) as { connections: readonly { lease: string }[] };
    return connections.map(({ lease }) => lease);
  } catch {
    return undefined; // it is down
  }
}

function podId(name: string): PodId {
  const pod = parsePodId(name);
  if (!pod) throw new Error(`no pod id: ${name}`);
  return pod;
}

function nth<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`there are only ${items.length}`);
  return item;
}
