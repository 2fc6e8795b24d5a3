/** The fleet that faults happen to: gates on one Redis, Envoys before them, pods behind. Any part of it can be broken. */

import { type Envoy, startEnvoy } from '../fleet/envoy.ts';
import { type Gate, startGate } from '../fleet/gate.ts';
import { type Pod, startPod } from '../fleet/pod.ts';
import { freePort, until } from '../fleet/processes.ts';
import { Random } from '../fleet/random.ts';
import type { RedisServer } from '../redis/server.ts';
import { changeEdge, isEven } from './edge-changes.ts';
import type { FleetSettings } from './fleet-options.ts';
import { Garbler } from './garbler.ts';
import { Network } from './network.ts';
import { RedisPair } from './redis-pair.ts';
import { SCALE, SIZE } from './scale.ts';

const WRONG_CLOCK = { NODE_OPTIONS: `--import=${new URL('./wrong-clock.ts', import.meta.url).href}` };

interface GatePorts {
  readonly grpcPort: number;
  readonly httpPort: number;
}

export class Fleet {
  readonly pods: readonly Pod[];
  readonly network: Network;
  /** Connections through these may break. */
  readonly doomed = new Set<Envoy>();
  /** All gates that ever ran. */
  readonly started: Gate[] = [];
  /** What ended that nobody ended. */
  readonly accidents: string[] = [];
  /** The pods', of gates that are started from now on. */
  limit: number;
  garbler: Garbler | undefined;
  readonly #settings: FleetSettings;
  readonly #gatePorts: readonly GatePorts[];
  readonly #gates: Gate[] = [];
  readonly #envoys: Envoy[] = [];
  readonly #ending = new Set<Gate | Envoy>();
  readonly #redises: RedisPair;
  #logPort: number | undefined;

  private constructor(
    parts: { redises: RedisPair; network: Network; pods: Pod[]; gatePorts: GatePorts[] },
    settings: FleetSettings,
  ) {
    this.pods = parts.pods;
    this.network = parts.network;
    this.limit = settings.limit ?? SIZE.limit;
    this.#redises = parts.redises;
    this.#gatePorts = parts.gatePorts;
    this.#settings = settings;
  }

  static async start(settings: FleetSettings): Promise<Fleet> {
    const network = new Network();
    const redises = await RedisPair.start(settings, network);
    const names = Array.from({ length: SIZE.pods }, (_, index) => `pod${index + 1}`);
    const pods = await Promise.all(names.map((name) => startPod({ name })));
    const gatePorts: GatePorts[] = [];
    const gates = settings.embedded ? 1 : (settings.gates ?? SIZE.gates);
    while (gatePorts.length < gates) gatePorts.push({ grpcPort: await freePort(), httpPort: await freePort() });
    const fleet = new Fleet({ redises, network, pods, gatePorts }, settings);
    try {
      await fleet.#start();
    } catch (error) {
      await fleet.stop();
      throw error;
    }
    return fleet;
  }

  async #start(): Promise<void> {
    const { redisWires, gateWiresOf, garbled, seed } = this.#settings;
    const grpcPorts = this.#gatePorts.map(({ grpcPort }) => grpcPort);
    if (redisWires) await this.network.wireRedis(this.redis.port, grpcPorts.length);
    if (gateWiresOf !== undefined) await this.network.wireGates(grpcPorts);
    await Promise.all(grpcPorts.map((_, index) => this.startGate(index)));
    await until('the new store is trusted', () => this.#isTrusted(), 2 * SCALE.recoveryMs + 2_000);
    if (garbled) {
      const addresses = grpcPorts.map((port) => `127.0.0.1:${port}`);
      const { garbler, port } = await Garbler.start(addresses, new Random(`${seed} garbler`));
      this.garbler = garbler;
      this.#logPort = port;
    }
    await Promise.all(Array.from({ length: SIZE.proxies }, (_, index) => this.startEnvoy(index)));
  }

  async #isTrusted(): Promise<boolean> {
    const metrics = await Promise.all(this.#gates.map((gate) => gate.metrics('/metrics')));
    return metrics.every(({ wsgate_store_recovering: recovering }) => recovering === 0);
  }

  /** The one that the gates have at first. */
  get redis(): RedisServer {
    return this.#redises.first;
  }

  pod(index: number): Pod {
    return nth(this.pods, index);
  }

  gate(index: number): Gate {
    return nth(this.#gates, index);
  }

  /** The one that new connections go through. */
  envoy(index: number): Envoy {
    return nth(this.#envoys, index);
  }

  get envoys(): readonly Envoy[] {
    return this.#envoys;
  }

  /** Starts it, at first or again, where it always is. `/healthz` for one that finds no store. */
  async startGate(index: number, waitFor: '/readyz' | '/healthz' = '/readyz'): Promise<void> {
    const { embedded, policy, wrongClockAt, env } = this.#settings;
    const redisPort = this.network.redisPort(index) ?? this.redis.port;
    const { ttlMs, recoveryMs, graceMs, keepaliveMs, keepaliveTimeoutMs } = SCALE;
    const gate = await startGate({
      ...this.#gatePorts[index],
      waitFor,
      config: {
        ...(embedded ? {} : { store: { url: `redis://127.0.0.1:${redisPort}` } }),
        lease: { ttl: `${ttlMs}ms`, recovery: `${recoveryMs}ms`, grace: `${graceMs}ms` },
        limits: { default: { connections: this.limit } },
        outage: { policy },
      },
      env: {
        WSGATE_LISTEN_KEEPALIVE: `${keepaliveMs}ms`,
        WSGATE_LISTEN_KEEPALIVE_TIMEOUT: `${keepaliveTimeoutMs}ms`,
        ...(wrongClockAt === index ? WRONG_CLOCK : {}),
        ...env,
      },
    });
    this.#watch(gate, `gate ${index + 1}`);
    this.#gates[index] = gate;
    this.started.push(gate);
  }

  /** Starts one, at first or as the successor of the one with this name. */
  async startEnvoy(index: number): Promise<void> {
    const { workers } = this.#settings;
    const envoy = await startEnvoy({
      proxyId: `proxy_${index + 1}`,
      ...(workers === undefined ? {} : { workers }),
      gate: this.#portsFor(index).map((port) => `127.0.0.1:${port}`),
      pods: Object.fromEntries(this.pods.map(({ name, port }) => [name, port])),
      flushIntervalMs: SCALE.flushMs,
      mutate: (config) => changeEdge(config, this.#logPort, this.#settings),
    });
    this.#watch(envoy, `Envoy ${index + 1}`);
    this.#envoys[index] = envoy;
  }

  /** Whether the access log speaks of the connection with this number. */
  isLogged(number: number): boolean {
    return !this.#settings.logsHalf || isEven(number);
  }

  async end(program: Gate | Envoy, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#ending.add(program);
    program.kill(signal);
    await program.ended;
  }

  /** From now on, Redis's clock is so far ahead of the true one; behind it, if less than 0. */
  stepRedisClock(aheadMs: number): void {
    this.#redises.stepClock(aheadMs);
  }

  promoteReplica(): Promise<void> {
    return this.#redises.promoteReplica();
  }

  /** What the store has, at this moment; undefined when it does not answer. */
  leases(pod: string): Promise<string[] | undefined> {
    return this.#settings.embedded ? leasesOf(this.gate(0), pod) : this.#redises.leases(pod);
  }

  /** Live WebSockets as the Envoys themselves count them, by pod. */
  async gauges(): Promise<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const envoy of this.#envoys.filter((each) => !this.#ending.has(each))) {
      const stats = await envoy.stats();
      for (const { name } of this.pods) {
        sums[name] = (sums[name] ?? 0) + (stats[`cluster.${name}.upstream_cx_active`] ?? 0);
      }
    }
    return sums;
  }

  async stop(): Promise<void> {
    // One that is still stopped by a fault that failed could not end by SIGTERM.
    await Promise.all([...this.#envoys, ...this.doomed, ...this.#gates].map((each) => this.end(each, 'SIGKILL')));
    this.garbler?.stop();
    this.network.stop();
    await Promise.all(this.pods.map((pod) => pod.stop()));
    await this.#redises.stop();
  }

  /** Ports of this machine at which that Envoy finds gates. */
  #portsFor(envoy: number): readonly number[] {
    const { gateWiresOf, ownGates } = this.#settings;
    const all = gateWiresOf === envoy ? this.network.gatePorts : this.#gatePorts.map(({ grpcPort }) => grpcPort);
    return ownGates ? [nth(all, envoy)] : all;
  }

  #watch(program: Gate | Envoy, name: string): void {
    void program.ended.then((how) => {
      if (!this.#ending.has(program)) this.accidents.push(`${name} ended by itself: ${how}`);
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

function nth<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`there are only ${items.length}`);
  return item;
}
